using Fanfare.Bench;
using Fanfare.Contracts;
using Fanfare.Engine;
using Fanfare.Postgres;
using Xunit.Abstractions;

namespace Fanfare.Wide;

/// <summary>Runs of a hundred thousand tasks, with exact joins and bounded memory. FANFARE_LONG makes them DESIGN's: of a million tasks, and a hundred thousand runs.</summary>
/// <param name="database">Connection string of a PostgreSQL database; null for SQLite.</param>
public abstract class WideRunTests(string? database, ITestOutputHelper output)
{
    /// <summary>DESIGN's bound on engine memory for a waiting split.</summary>
    private const int BytesPerSplit = 64;

    /// <summary>What a run may remember of each step that it opened; a nest opens two for each of its splits.</summary>
    private const int BytesPerStep = 1024;

    /// <summary>What the engine may hold beside what waits, whatever the width: events and rows on their way, and garbage.</summary>
    private const long Working = 256 << 20;

    /// <summary>DESIGN's bound on engine memory for a hundred thousand runs that wait for a timer.</summary>
    private const long BytesPerParkedRun = (256 << 20) / 100_000;

    protected static readonly bool IsLong = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 };

    private static readonly int _scale = IsLong ? 10 : 1;

    [BackendFact]
    public Task ARange_JoinsExactly() => RunAsync(Flows.Foreach(100_000 * _scale, body: 1), ("b0", 100_000 * _scale), ("join", 1));

    [BackendFact]
    public Task LinesOfAFile_OfAHundredBytesEach_JoinExactly() => RunAsync(
        Flows.Foreach(new OverFile("items.jsonl"), body: 1), ("b0", 100_000 * _scale), ("join", 1));

    [BackendFact]
    public Task ABodyOfThreeSteps_OpensEachOnce_AndJoinsExactly() => RunAsync(
        Flows.Foreach(100_000 * _scale, body: 3), ("b0", 100_000 * _scale), ("b1", 100_000 * _scale), ("b2", 100_000 * _scale), ("join", 1));

    [BackendFact]
    public Task AThousandWideOnes_JoinEachInnerAndTheOuterExactly() => RunAsync(
        Flows.Nested(1000, 100 * _scale), ("each", 1000), ("leaf", 100_000 * _scale), ("inner_join", 1000), ("join", 1));

    [BackendFact]
    public Task ManyOfTen_JoinEachInnerAndTheOuterExactly() => RunAsync(
        Flows.Nested(10_000 * _scale, 10), ("each", 10_000 * _scale), ("leaf", 100_000 * _scale), ("inner_join", 10_000 * _scale), ("join", 1));

    [BackendFact]
    public async Task AMillionWaitingSplits_CostTheEngineNoMoreThan64BytesEach()
    {
        const int Width = 1_000_000;
        await using var engine = await LocalEngine.StartAsync(database);
        var ended = new Completions();
        var worker = new NoOpWorker(engine.Node, "opener", inFlight: 1, ended);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var run = await engine.StartRunAsync(Flows.Foreach(Width, body: 1));
        using var stop = new CancellationTokenSource();
        var working = worker.RunAsync(stop.Token);
        while (ended.Count < 10) await Task.Delay(1);
        await stop.CancelAsync();
        await working;

        var body = new StepKey("b0", SplitPath.Empty, new SplitPath(0, 0));
        var row = await engine.ReadModel.GetStepAsync("default", run, body, default);
        Assert.Equal(Width, row!.Total);
        var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(grown <= (long)Width * BytesPerSplit, $"{grown} bytes for {Width} waiting splits");
    }

    [BackendFact]
    public async Task RunsThatWaitForATimer_LeaveMemory()
    {
        var runs = 10_000 * _scale;
        await using var engine = await LocalEngine.StartAsync(database, options: new EngineOptions { Seed = 1, IdleAfter = TimeSpan.FromSeconds(2) });
        var retry = new RetrySpec { MaxAttempts = 2, InitialDelay = TimeSpan.FromHours(1), MaxDelay = TimeSpan.FromHours(1), Jitter = 0 };
        var spec = Flows.Single();
        await engine.DeployAsync(spec with { Steps = [spec.Steps[0] with { Retry = retry }] });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var ended = new Completions();
        var all = ended.AfterAsync(runs);
        using var stop = new CancellationTokenSource();
        var working = new NoOpWorker(engine.Node, "failing", inFlight: 256, ended)
        {
            Ending = (_, end) => end with { Outcome = AttemptOutcome.Failed, Error = new TaskError("exit", "not yet", 1) },
        }.RunAsync(stop.Token);
        await Parallel.ForEachAsync(Enumerable.Range(0, runs), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (_, _) => await engine.StartRunAsync(spec.Name));
        await all;
        await stop.CancelAsync();
        await working;

        long kept;
        var patience = TimeSpan.FromSeconds(120);
        for (var waited = System.Diagnostics.Stopwatch.StartNew(); (kept = GC.GetTotalMemory(forceFullCollection: true) - before) > runs * BytesPerParkedRun; await Task.Delay(200))
            Assert.True(waited.Elapsed < patience, $"{kept} bytes are held for {runs} runs that wait for a timer");
        output.WriteLine($"{runs} runs: {kept / (double)runs:0} bytes each");
        await IdleAsync();
        GC.KeepAlive(engine);
    }

    /// <summary>Called while all that there is waits.</summary>
    protected virtual Task IdleAsync() => Task.CompletedTask;

    // No assertion on speed: that is the benchmark's, and this machine may be busy.
    private async Task RunAsync(FlowSpec spec, params (string Step, int Tasks)[] expected)
    {
        await using var engine = await LocalEngine.StartAsync(database);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var stop = new CancellationTokenSource();
        var (items, width) = (new ItemsFile(engine.Blobs), expected[0].Tasks);
        if (spec.Steps[0].Next is Foreach { Over: OverFile }) await items.WriteAsync(width);
        var highest = HighestAsync(stop.Token);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var working = new NoOpWorker(engine.Node, "wide", inFlight: 256, new Completions())
        {
            Leased = items.Check,
            Ending = (lease, end) => lease.Step.Name == "start" ? end with { ItemsFile = items.Written, ItemsCount = items.Written is null ? 0 : width } : end,
        }.RunAsync(stop.Token);
        var run = await engine.StartRunAsync(spec);
        await await Task.WhenAny(RunEnd.AwaitAsync(engine, run), working);
        var seconds = clock.Elapsed.TotalSeconds;
        await stop.CancelAsync();
        await working;

        var steps = new List<StepRow>();
        for (string? cursor = null; ;)
        {
            var page = await engine.ReadModel.ListStepsAsync("default", run, cursor, 1000, default);
            steps.AddRange(page.Items);
            if ((cursor = page.Next) is null) break;
        }
        foreach (var (step, tasks) in expected)
            Assert.Equal((step, tasks, tasks), (step, steps.Where(s => s.Key.Step == step).Sum(s => s.Total), steps.Where(s => s.Key.Step == step).Sum(s => s.Succeeded)));
        var most = ((long)expected.Max(e => e.Tasks) * BytesPerSplit) + ((long)steps.Count * BytesPerStep) + Working;
        var (peak, kept) = (await highest - before, GC.GetTotalMemory(forceFullCollection: true) - before);
        output.WriteLine($"{expected.Sum(e => e.Tasks)} tasks in {seconds:0.0} s; at most {peak >> 20} MiB, {kept >> 20} MiB at the end");
        Assert.True(peak <= most, $"{peak} bytes were held at a time");
        // The many steps of a nest leave the memory later.
        if (steps.Count < 5000) Assert.True(kept <= ((long)expected.Max(e => e.Tasks) * BytesPerSplit) + (16 << 20), $"{kept} bytes are kept after {expected.Max(e => e.Tasks)} tasks");
    }

    private static async Task<long> HighestAsync(CancellationToken stop)
    {
        var highest = 0L;
        while (!stop.IsCancellationRequested)
        {
            highest = Math.Max(highest, GC.GetTotalMemory(forceFullCollection: false));
            await Task.Delay(20, CancellationToken.None);
        }
        return highest;
    }
}

// One after the other: they measure the memory of the process.
[Collection("wide")]
public sealed class SqliteWideRunTests(ITestOutputHelper output) : WideRunTests(database: null, output);

[NeedsPostgres, Collection("wide")]
public sealed class PostgresWideRunTests(SharedPostgres shared, ITestOutputHelper output) : WideRunTests(PrivatePostgres.Refusal is null ? shared.Database : null, output), IClassFixture<SharedPostgres>
{
    private readonly ITestOutputHelper _output = output;

    // Renewal of the lease included. What the server's own vacuum does is not the engine's, so statements are counted in the server's log.
    protected override async Task IdleAsync()
    {
        var window = TimeSpan.FromSeconds(IsLong ? 60 : 15);
        await shared.Server.ExecuteAsync("ALTER SYSTEM SET log_min_duration_statement = 0");
        await shared.Server.ExecuteAsync("ALTER SYSTEM SET log_line_prefix = 'by %a: '");
        await shared.Server.ExecuteAsync("SELECT pg_reload_conf()");
        var before = Statements();
        await Task.Delay(window);
        var perSecond = (Statements() - before) / window.TotalSeconds;
        await shared.Server.ExecuteAsync("ALTER SYSTEM RESET log_min_duration_statement");
        await shared.Server.ExecuteAsync("SELECT pg_reload_conf()");
        _output.WriteLine($"{perSecond:0.00} statements a second");
        Assert.InRange(perSecond, 0.5, 2);
    }

    private int Statements() => File.ReadLines(shared.Server.Log).Count(line => line.StartsWith("by fanfare", StringComparison.Ordinal) && (line.Contains("  execute ", StringComparison.Ordinal) || line.Contains("  statement: ", StringComparison.Ordinal)));
}
