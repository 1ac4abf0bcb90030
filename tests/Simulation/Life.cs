using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Simulation.Checks;
using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Flows;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation;

/// <summary>One simulated life of a cluster, wholly determined by its plan.</summary>
internal sealed class Life
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(40);

    /// <summary>For lives in which a flow of long tasks has a schedule: with a backfill of it beside, a few cores have work for more than an hour.</summary>
    private static readonly TimeSpan LongPatience = TimeSpan.FromHours(3);

    /// <summary>How long schedules go on when there are no faults any more: what was missed is made up for.</summary>
    private static readonly TimeSpan ScheduledAfter = TimeSpan.FromSeconds(40);

    private readonly VirtualLoop _loop;
    private readonly SimCluster _cluster;
    private readonly SideEffects _effects = new();
    private readonly HistoryChecker _history;
    private readonly List<Violation> _violations = [];

    private Life(LifePlan plan)
    {
        _loop = new VirtualLoop(Chance.Mix(plan.Seed + 1));
        Plan = plan;
        _cluster = new SimCluster(_loop, new Faults(_loop, Chance.Mix(plan.Seed + 2), plan.Calm, plan.OnlyStrikes), plan.CrashPoint);
        _history = new HistoryChecker { ClockWasSet = _cluster.Faults.ClocksAreSet };
    }

    public LifePlan Plan { get; }

    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>Names of the flows that were run.</summary>
    public IReadOnlyList<string> Flows { get; private set; } = [];

    /// <summary>The faults that struck, in order.</summary>
    public IReadOnlyList<string> Struck => _cluster.Faults.Struck;

    public IReadOnlyDictionary<string, int> FaultKinds => _cluster.Faults.Kinds;

    public Coverage Coverage { get; } = new();

    public TimeSpan VirtualTime => _loop.Now - VirtualLoop.Start;

    public long Steps => _loop.Steps;

    public int Events => _cluster.Store.History.Count;

    public int Runs => _history.Runs.Count;

    public int Attempts => _effects.All.Count;

    public IReadOnlyList<string> Warnings => _cluster.Warnings;

    /// <summary>A digest of the whole history: the same plan gives the same.</summary>
    public string Digest => Chance.Hash(string.Join("\n", _cluster.Store.History.Select(h => $"{h.CommittedAt.Ticks} {h.Stream} {h.Json}"))).ToString("x16", CultureInfo.InvariantCulture);

    public string Summary => string.Create(CultureInfo.InvariantCulture,
        $"seed {Plan.Seed}: {Runs} runs, {Events} events, {Attempts} attempts, {Struck.Count} faults, {_cluster.Crashes} ends of nodes, {Steps} steps, {VirtualTime.TotalSeconds:0} s virtual, digest {Digest}");

    public static Life Of(ulong seed) => Of(new LifePlan(seed));

    public static Life Of(LifePlan plan)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var life = new Life(plan);
            life.Live();
            return life;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>What led to a violation, as lines in the order of their times.</summary>
    /// <param name="lines">The last so many.</param>
    public IReadOnlyList<string> Timeline(int lines) =>
        new Timeline(_cluster.Store, _loop, _effects).Around(_violations.FirstOrDefault(v => v.Run is not null)?.Run, lines);

    private void Live()
    {
        var chance = _loop.Chance.Fork();
        var flows = FlowsOf(chance);
        Flows = [.. flows.Select(f => f.Name)];
        Crew? crew = null;
        _cluster.Store.Observed = recorded =>
        {
            Coverage.Note(_history, recorded);
            _history.Read(recorded);
            crew?.Saw(recorded);
        };
        if (Plan.Flows is null && !Plan.Calm && Plan.Seed % 8 == 5) _cluster.Cloud = new SimCloud(_cluster, _effects);
        _effects.Began = lease => _history.Began(lease.Task, lease.Attempt);
        _cluster.Start();
        var cores = Enumerable.Range(0, Plan.Calm ? 2 : chance.Between(1, 4)).Select(_ => Plan.Calm ? 3 : chance.Between(1, 6)).ToList();
        // The largest gang has room when nothing else runs.
        cores[^1] = Math.Max(cores[^1], FlowCatalog.LargestGang - cores[..^1].Sum());
        for (var i = 0; i < cores.Count; i++) _ = new SimWorker($"w{cores.Count - i}", cores[i], _cluster, _effects);
        crew = new Crew(_cluster, _history, flows, operators: !Plan.Calm && (chance.Roll(0.5) || _cluster.Faults.MessagesLag));
        crew.Answered = (run, verb, outcome) => Coverage.Note(_history, run, verb, outcome);
        try
        {
            LiveOn(crew, flows.Any(flow => flow is { Name: "long", Schedules: not null }) ? LongPatience : Patience);
        }
        catch (Exception exception)
        {
            Complain($"the simulation broke: {exception}");
        }
        Judge(crew);
    }

    private void LiveOn(Crew crew, TimeSpan patience)
    {
        var deadline = _cluster.Faults.EndsAt + patience;
        DateTimeOffset? quietSince = null;
        while (_loop.Now < deadline && _history.Violations.Count == 0 && _cluster.Cloud is null or { Complaints.Count: 0 } && _effects.Overlaps.Count == 0 && _loop.Escapes.Count == 0)
        {
            if (!_loop.Step()) break;
            if (_loop.Steps % 64 != 0) continue;
            var quiet = !_cluster.Faults.Active && _cluster.Faults.EndsAt + ScheduledAfter < _loop.Now && crew.Runs.TrueForAll(_history.Runs.ContainsKey) && _history.Runs.Values.All(life => life.Ended is not null) && _history.Notices.AreSettled && _cluster.Cloud is null or { IsDeleted: true, IsEmpty: true };
            quietSince = quiet ? quietSince ?? _loop.Now : null;
            // Long enough for whatever should not happen any more to happen.
            if (_loop.Now - quietSince > TimeSpan.FromSeconds(30) + _cluster.Faults.LeaseTerm) break;
        }
    }

    private void Judge(Crew crew)
    {
        _history.CheckAllBegan();
        _violations.AddRange(_history.Violations);
        foreach (var escape in _loop.Escapes.Take(1)) Complain(escape);
        foreach (var warning in _cluster.Warnings.Where(w => w.Contains("Exception", StringComparison.Ordinal) && !w.Contains("OperationCanceled", StringComparison.Ordinal)).Take(3))
            Complain("the engine reported a bug: " + warning);
        foreach (var run in crew.Runs.Where(r => !_history.Runs.ContainsKey(r))) _violations.Add(new Violation(run, long.MaxValue, $"run {run} never started"));
        foreach (var (notice, receiver) in _history.Notices.Told.Where(told => !_cluster.Received.Contains(told))) Complain($"notice {notice} counts as told to {receiver}, who has not got it");
        foreach (var (notice, receiver) in _cluster.Received.Except(_history.Notices.Raised)) Complain($"{receiver} was told of notice {notice}, which is not raised");
        foreach (var overlap in _effects.Overlaps) _violations.Add(new Violation(overlap.Split(' ')[0], long.MaxValue, "two attempts of a task ran at a time: " + overlap));
        foreach (var complaint in _cluster.Cloud?.Complaints ?? []) Complain(complaint);
        if (_violations.Count == 0 && _cluster.Cloud is { IsEmpty: false } cloud) Complain($"the pool was deleted, and there are still {string.Join(", ", cloud.Machines.Where(machine => machine.EndedAt is null).Select(machine => machine.Id))}");
        if (_violations.Count > 0) return;
        _violations.AddRange(new OutcomeChecker(_history, _cluster.Store, _effects, _cluster.Faults).Check());
        if (_violations.Count == 0) _violations.AddRange(new ReplayChecker(_history, _cluster.Store, _loop.Now).Check());
    }

    private List<FlowSpec> FlowsOf(Chance chance)
    {
        var drawn = FlowCatalog.Draw(chance);
        var few = Enumerable.Range(0, chance.Between(4, 9)).Select(_ => chance.Pick(drawn)).Distinct().ToList();
        if (Plan.Flows is null && !Plan.Calm && Plan.Seed % 4 == 0) few = Scheduled(few);
        if (Plan.Flows is null && !Plan.Calm && Plan.Seed % 4 == 2) few = Triggered(few);
        if (Plan.Flows is null && !Plan.Calm && (Plan.Seed % 4 == 3 || Plan.Seed % 16 == 12)) few = Notified(few);
        return [.. (Plan.Flows ?? few).Where(f => Plan.OnlyFlows?.Contains(f.Name) != false)];
    }

    // In some lives, which have many of them; so the others stay as they were.
    private List<FlowSpec> Scheduled(List<FlowSpec> flows)
    {
        var chance = new Chance(Chance.Mix(Plan.Seed ^ Chance.Hash("schedules")));
        return [.. flows.Select(flow => chance.Roll(0.7) && !flow.Steps.Any(step => step.Gang is true) ? flow with { Schedules = [ScheduleOf("often", chance)] } : flow)];
    }

    // As of schedules. A flow listens for those before it, so that nothing goes round.
    private List<FlowSpec> Triggered(List<FlowSpec> flows)
    {
        var chance = new Chance(Chance.Mix(Plan.Seed ^ Chance.Hash("triggers")));
        return [.. flows.Select((flow, i) => chance.Roll(0.8) ? flow with { Triggers = TriggersOf([.. flows.Take(i).Select(before => before.Name)], chance) } : flow)];
    }

    private static List<TriggerSpec> TriggersOf(List<string> before, Chance chance)
    {
        var any = new TriggerSpec { Name = "any", Sources = [.. Enumerable.Range(0, chance.Between(1, 2)).Select(_ => SourceOf(before, chance))] };
        var all = new TriggerSpec { Name = "all", All = true, Within = TimeSpan.FromSeconds(chance.Between(1, 60)), Sources = [SourceOf([], chance), SourceOf(before, chance), .. chance.Roll(0.3) ? [SourceOf(before, chance)] : Array.Empty<TriggerSource>()] };
        return chance.Int(3) switch
        {
            0 => [any],
            1 => [all],
            _ => [any, all],
        };
    }

    // As of schedules. A run that is to be done in a second is late; one that has a minute perhaps is.
    private List<FlowSpec> Notified(List<FlowSpec> flows)
    {
        var chance = new Chance(Chance.Mix(Plan.Seed ^ Chance.Hash("notices")));
        return [.. flows.Select(flow => chance.Roll(0.8) ? flow with { Notify = RulesOf(flow.Schedules is not null, chance) } : flow)];
    }

    private static List<NotifySpec> RulesOf(bool hasSchedules, Chance chance)
    {
        NoticeKind[] ends = [NoticeKind.Succeeded, NoticeKind.Failed, NoticeKind.Cancelled];
        var rules = new List<NotifySpec> { new() { On = [.. ends.Where(_ => chance.Roll(0.7)), .. hasSchedules ? [NoticeKind.Skipped] : Array.Empty<NoticeKind>()], To = ["oncall", "nobody"] } };
        if (chance.Roll(0.6)) rules.Add(new NotifySpec { On = [NoticeKind.Late, .. chance.Roll(0.5) ? [NoticeKind.Failed] : Array.Empty<NoticeKind>()], To = ["team"], Within = TimeSpan.FromSeconds(chance.Between(1, 60)) });
        return [.. rules.Where(rule => rule.On.Count > 0)];
    }

    private static TriggerSource SourceOf(List<string> before, Chance chance) => before.Count > 0 && chance.Roll(0.4)
        ? new TriggerSource { Flow = chance.Pick(before), Ends = chance.Pick<IReadOnlyList<RunStatus>>([[RunStatus.Succeeded], [RunStatus.Failed], [RunStatus.Succeeded, RunStatus.Failed, RunStatus.Cancelled]]) }
        : new TriggerSource { Event = chance.Pick(Crew.Events), Where = chance.Roll(0.2) ? [new PayloadCondition("n", PayloadTest.Less, "2")] : [] };

    private ScheduleSpec ScheduleOf(string name, Chance chance)
    {
        var missed = chance.Pick([MissedKind.None, MissedKind.Last, MissedKind.Last, MissedKind.All, MissedKind.Within]);
        var overlap = missed is MissedKind.All or MissedKind.Within ? chance.Pick([OverlapPolicy.Allow, OverlapPolicy.QueueAll])
            : chance.Pick([OverlapPolicy.Allow, OverlapPolicy.Skip, OverlapPolicy.QueueOne, OverlapPolicy.QueueAll, OverlapPolicy.Cancel, OverlapPolicy.Terminate]);
        return new ScheduleSpec
        {
            Name = name,
            Every = TimeSpan.FromSeconds(chance.Between(10, 60)),
            End = _cluster.Faults.EndsAt + ScheduledAfter,
            Missed = missed,
            MissedWithin = missed == MissedKind.Within ? TimeSpan.FromSeconds(chance.Between(1, 90)) : null,
            Overlap = overlap,
            Parallel = chance.Between(1, 3),
            Queue = chance.Between(1, 4),
            Jitter = chance.Roll(0.3) ? TimeSpan.FromSeconds(chance.Between(1, 8)) : TimeSpan.Zero,
        };
    }

    private void Complain(string what) => _violations.Add(new Violation(null, long.MaxValue, what));
}
