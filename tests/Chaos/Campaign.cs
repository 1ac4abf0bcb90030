using System.Diagnostics;
using Fanfare.Chaos.Checks;
using Fanfare.Chaos.Faults;
using Fanfare.Chaos.Sites;
using Fanfare.Chaos.Workload;

namespace Fanfare.Chaos;

/// <summary>One campaign: a site, a workload, operators and faults for a while; then calm, the end of all runs, a restart, and the checks.</summary>
internal sealed class Campaign(int seed, TimeSpan faultTime, Func<string, ChaosStore> store, Action<string> say)
{
    private const int FewestRuns = 12, MostExplained = 400, Submitters = 4, OperatorTeams = 3;

    /// <summary>Long enough for the slowest task, a lease that runs out twice, and a busy machine.</summary>
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(4);

    private readonly FaultLog _faults = new();
    private readonly OrderBook _orders = new();
    private readonly List<Violation> _violations = [];

    /// <exception cref="Xunit.Sdk.XunitException">Something broke an invariant; the message tells what and how it came.</exception>
    public async Task RunAsync()
    {
        string home;
        await using (var site = new ChaosSite(store))
        {
            home = site.Home;
            await RunAsync(site);
        }
        // Kept where something is to be looked into. The disk has to be gone before the directory can be removed.
        Directory.Delete(home, recursive: true);
    }

    private async Task RunAsync(ChaosSite site)
    {
        var began = Stopwatch.StartNew();
        if (site.Store.DiskRefusal is { } disk) say($"The disk is not filled: {disk}.");
        if (FaultyClock.Refusal is { } clock) say($"The server's clock is not moved: {clock}.");
        site.Start();
        using var client = new Insistence(site.ClientLink.Port);
        using var direct = new Insistence(site.ServerPort);
        var flows = new ChaosFlows(site.Script).All;
        var submitters = Enumerable.Range(0, Submitters).Select(number => new Submitter(client, direct, flows, _orders, (seed * Submitters) + number)).ToList();
        var operators = Enumerable.Range(0, OperatorTeams).Select(number => new Operators(client, _orders, (seed * OperatorTeams) + number)).ToList();
        await TroubleAsync(site, submitters, operators);
        say($"{began.Elapsed.TotalSeconds:0} s: the faults are over; {_orders.All.Count} runs were ordered.");

        await EndAllAsync(site, direct, submitters[0]);
        await NoProcessesAsync(site);
        say($"{began.Elapsed.TotalSeconds:0} s: all runs have ended.");
        var picture = await RestartAsync(site, direct);
        foreach (var (worker, _) in site.Workers) await worker.StopAsync(kill: worker.Name == "w2");
        await site.Server.StopAsync(kill: false);
        if (site.Standby is not null) await site.Standby.StopAsync(kill: false);
        say($"{began.Elapsed.TotalSeconds:0} s: all processes have stopped.");

        var reading = await site.Store.ReadAsync();
        var effects = await EffectLine.ReadAsync(site.Effects);
        var fates = Check(reading, effects, picture);
        foreach (var complaint in site.Complaints.Concat(submitters.SelectMany(s => s.Complaints)).Concat(client.Defects).Concat(direct.Defects)) _violations.Add(new Violation(null, long.MaxValue, complaint));
        var figures = new Figures(
            seed, site.Store.Name, began.Elapsed, reading.Runs.Count, fates.Select(f => (f.Run, f.Task)).Distinct().Count(), fates.Count, reading.Events.Count,
            _faults.Windows.Count, _faults.Counts(), Operators.Counts(operators), client.Repeats, _violations.Count);
        say(figures.ToString());
        if (_violations.Count > 0) site.Keep();
        Assert.True(_violations.Count == 0, $"{figures}\nWhat was written is left in {site.Home}.\n{new Story(reading, effects, _faults.Windows).Of(_violations)}");
    }

    private async Task TroubleAsync(ChaosSite site, List<Submitter> submitters, List<Operators> operators)
    {
        using var stop = new CancellationTokenSource();
        await submitters[0].DeployAsync(stop.Token);
        // The time of faults begins when the site works.
        stop.CancelAfter(faultTime);
        await Task.WhenAll([new Saboteur(site, seed, _faults).RunAsync(stop.Token), .. operators.Select(o => o.RunAsync(stop.Token)), .. submitters.Select(s => s.RunAsync(stop.Token))]);
    }

    private async Task EndAllAsync(ChaosSite site, Insistence direct, Submitter submitter)
    {
        using var limit = new CancellationTokenSource(Calm);
        IReadOnlyList<RunView> active = [];
        try
        {
            // Outages may have left no time for runs: that the site works again after them is to be seen all the same.
            for (var number = 0; _orders.All.Count < FewestRuns; number++) await submitter.SubmitAfterwardsAsync(number, limit.Token);
            await Operators.ResumeAllAsync(direct, limit.Token);
            while ((active = await direct.ListAsync<RunView>("/api/v1/runs?active=true&limit=1000", limit.Token)).Count > 0) await Task.Delay(200, limit.Token);
        }
        catch (OperationCanceledException)
        {
            foreach (var run in active) _violations.Add(new Violation(run.Run, long.MaxValue, $"run {run.Run} is still {run.Status} {Calm.TotalSeconds:0} s after the last fault"));
            _violations.Add(new Violation(null, long.MaxValue, $"no calm after {Calm.TotalSeconds:0} s; the server said:\n{site.Server.Output}"));
        }
    }

    private async Task NoProcessesAsync(ChaosSite site)
    {
        try
        {
            await Eventually.TrueAsync(() => Orphans.Of(site.Home).Count == 0, "The end of all tasks' processes");
        }
        catch (TimeoutException)
        {
            foreach (var orphan in Orphans.Of(site.Home)) _violations.Add(new Violation(null, long.MaxValue, $"all runs have ended, and a process of a task lives: {orphan}"));
        }
    }

    private async Task<Picture> RestartAsync(ChaosSite site, Insistence direct)
    {
        using var limit = new CancellationTokenSource(Calm);
        var before = await Picture.TakeAsync(direct, limit.Token);
        await site.Server.DrainAsync(TimeSpan.Zero);
        var after = await Picture.TakeAsync(direct, limit.Token);
        _violations.AddRange(PictureChecker.Differences(before, after));
        // To explain a task, its step is replayed from its first event; the rows were written live.
        var some = after.Tasks.OrderBy(t => HashCode.Combine(t.Key.Run, t.Key.Task)).Take(MostExplained).ToList();
        _violations.AddRange(await LogChecker.CheckAsync(direct, some, limit.Token));
        foreach (var ((run, task), view) in some)
        {
            var explained = await direct.AskAsync<Explanation>(HttpMethod.Get, Picture.TaskPath(run, task) + "/explain", null, limit.Token);
            if (!Replayed.Agrees(explained.State, view.Status)) _violations.Add(new Violation(run, long.MaxValue, $"run {run}: {task} is {view.Status} by its row, and {explained.State} when its step is replayed"));
        }
        return after;
    }

    private IReadOnlyList<AttemptFate> Check(Reading reading, IReadOnlyList<EffectLine> effects, Picture picture)
    {
        foreach (var gap in reading.Gaps) _violations.Add(new Violation(null, long.MaxValue, gap));
        var history = new HistoryChecker { ClockWasSet = _faults.Windows.Any(f => f.Kind == FaultKind.StepClock) };
        foreach (var recorded in reading.Events) history.Read(recorded);
        _violations.AddRange(history.Violations);
        var fates = AttemptFate.AllOf(reading);
        _violations.AddRange(new EffectChecker(fates, effects, _faults.Windows, SystemTime.ZeroAt).Check());
        _violations.AddRange(new OutcomeChecker(history, _orders.All, fates).Check());
        _violations.AddRange(new PictureChecker(reading, history, fates).Check(picture));
        return fates;
    }
}
