using Fanfare.Bench;
using Fanfare.Contracts;

namespace Fanfare.Wide;

/// <summary>Runs of a hundred thousand tasks on the SQLite journal, with exact joins and bounded memory.</summary>
public sealed class WideRunTests
{
    /// <summary>DESIGN's bound on engine memory for a waiting split.</summary>
    private const int BytesPerSplit = 64;

    [Fact]
    public Task AHundredThousandSplits_JoinExactly() => RunAsync(Flows.Foreach(100_000, body: 1), ("b0", 100_000), ("join", 1));

    [Fact]
    public Task ABodyOfThreeSteps_OpensEachOnce_AHundredThousandWide() =>
        RunAsync(Flows.Foreach(100_000, body: 3), ("b0", 100_000), ("b1", 100_000), ("b2", 100_000), ("join", 1));

    [Fact]
    public Task AThousandTimesAHundred_JoinsEachInnerAndTheOuterExactly() =>
        RunAsync(Flows.Nested(1000, 100), ("each", 1000), ("leaf", 100_000), ("inner_join", 1000), ("join", 1));

    [Fact]
    public async Task AMillionWaitingSplits_CostTheEngineNoMoreThan64BytesEach()
    {
        const int Width = 1_000_000;
        await using var engine = await LocalEngine.StartAsync();
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

    // No assertion on speed: that is the benchmark's, and this machine may be busy.
    private static async Task RunAsync(FlowSpec spec, params (string Step, int Tasks)[] expected)
    {
        await using var engine = await LocalEngine.StartAsync();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var stop = new CancellationTokenSource();
        var working = new NoOpWorker(engine.Node, "wide", inFlight: 256, new Completions()).RunAsync(stop.Token);
        var run = await engine.StartRunAsync(spec);
        await RunEnd.AwaitAsync(engine, run);
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
        var kept = GC.GetTotalMemory(forceFullCollection: true) - before;
        var most = (long)expected.Max(e => e.Tasks) * BytesPerSplit;
        Assert.True(kept <= most + (16 << 20), $"{kept} bytes are kept after {expected.Max(e => e.Tasks)} tasks");
    }
}
