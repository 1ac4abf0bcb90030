using Fanfare.Simulation.Checks;
using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Flows;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation;

/// <summary>One simulated life of a cluster, wholly determined by its seed.</summary>
internal sealed class SimulationRun
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(40);

    private readonly VirtualLoop _loop;
    private readonly SimCluster _cluster;
    private readonly SideEffects _effects = new();
    private readonly HistoryChecker _history = new();
    private readonly List<Violation> _violations = [];

    private SimulationRun(ulong seed)
    {
        _loop = new VirtualLoop(Chance.Mix(seed + 1));
        Seed = seed;
        _cluster = new SimCluster(_loop, new Faults(_loop, _loop.Chance.Fork()));
    }

    public ulong Seed { get; }

    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>A digest of the whole history: the same seed gives the same.</summary>
    public string Digest => Chance.Hash(string.Join("\n", _cluster.Store.History.Select(h => $"{h.CommittedAt.Ticks} {h.Stream} {h.Json}"))).ToString("x16", System.Globalization.CultureInfo.InvariantCulture);

    public string Summary => FormattableString.Invariant($"seed {Seed}: {_cluster.Store.History.Count} events, {_loop.Steps} steps, {_cluster.Crashes} crashes, {_effects.All.Count} task starts, {(_loop.Now - VirtualLoop.Start).TotalSeconds:0} s virtual, {_cluster.Warnings.Count} warnings");

    public IReadOnlyList<string> Warnings => _cluster.Warnings;

    public static SimulationRun Of(ulong seed)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var run = new SimulationRun(seed);
            run.Live();
            return run;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>What is wrong, how to see it again, and what led to it.</summary>
    public string Report() => new Timeline(_cluster.Store, _loop, _effects).Of(Seed, _violations);

    private void Live()
    {
        var chance = _loop.Chance.Fork();
        _cluster.Store.Observed = recorded => _history.Read(recorded);
        var flows = FlowCatalog.Draw(chance);
        var few = Enumerable.Range(0, chance.Between(4, 9)).Select(_ => chance.Pick(flows)).Distinct().ToList();
        _cluster.Start();
        for (var i = chance.Between(1, 4); i > 0; i--) _ = new SimWorker($"w{i}", chance.Between(1, 6), _cluster, _effects);
        var crew = new Crew(_cluster, _history, few, operators: chance.Roll(0.5));
        var deadline = _cluster.Faults.EndsAt + Patience;
        DateTimeOffset? quietSince = null;
        try
        {
            while (_loop.Now < deadline && _history.Violations.Count == 0 && _effects.Overlaps.Count == 0 && _loop.Escapes.Count == 0)
            {
                if (!_loop.Step()) break;
                if (_loop.Steps % 64 != 0) continue;
                var quiet = !_cluster.Faults.Active && crew.Runs.All(r => _history.Runs.TryGetValue(r, out var life) && life.Ended is not null);
                quietSince = quiet ? quietSince ?? _loop.Now : null;
                // Long enough for whatever should not happen any more to happen.
                if (_loop.Now - quietSince > TimeSpan.FromSeconds(30) + _cluster.Faults.LeaseTerm) break;
            }
        }
        catch (Exception exception)
        {
            _violations.Add(new Violation(null, long.MaxValue, $"the simulation broke: {exception}"));
        }
        _violations.AddRange(_history.Violations);
        foreach (var escape in _loop.Escapes.Take(1)) _violations.Add(new Violation(null, long.MaxValue, escape));
        foreach (var warning in _cluster.Warnings.Where(w => w.Contains("Exception", StringComparison.Ordinal) && !w.Contains("OperationCanceled", StringComparison.Ordinal)).Take(3))
            _violations.Add(new Violation(null, long.MaxValue, "the engine reported a bug: " + warning));
        foreach (var run in crew.Runs.Where(r => !_history.Runs.ContainsKey(r))) _violations.Add(new Violation(run, long.MaxValue, $"run {run} never started"));
        if (_violations.Count > 0) return;
        _violations.AddRange(new OutcomeChecker(_history, _cluster.Store, _effects).Check());
        if (_violations.Count == 0) _violations.AddRange(new ReplayChecker(_history, _cluster.Store, _loop.Now).Check());
    }
}
