using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of pools: every machine is of a launch that was asked for, none is forgotten, and there are never more than the pool may have.</summary>
public sealed class PoolLives
{
    private readonly Dictionary<StreamId, PoolLife> _lives = [];

    public string StateOf(StreamId pool) => _lives.TryGetValue(pool, out var life)
        ? $"pool{(life.Spec is null ? " gone" : "")}{(life.Open.Count > 0 ? " launching" : "")}{(life.Machines.Count > 0 ? " up" : "")}{(life.Machines.Values.Any(ending => ending) ? " ending" : "")}" : "pool new";

    public void Read(Recorded recorded, Action<string> complain)
    {
        if (!_lives.TryGetValue(recorded.Stream, out var life)) _lives[recorded.Stream] = life = new PoolLife();
        switch (recorded.Entry.Event)
        {
            case PoolSet set:
                if (set.Version != ++life.Version) complain($"its spec {set.Version} follows {life.Version - 1}");
                life.Spec = set.Spec;
                break;
            case PoolDeleted:
                if (life.Spec is null) complain("it was deleted, and was not there");
                life.Spec = null;
                break;
            case LaunchAsked { Request: var request }:
                if (!life.Names.Add(request.Id)) complain($"launch {request.Id} was asked for before");
                life.Open.Add(request.Id, request.Count);
                if (life.Spec is null) complain("it launches machines, and was deleted");
                else if (life.Open.Values.Sum() + life.Machines.Count is var all && all > life.Spec.Max) complain($"it has {all} machines with those that it asks for, and may have {life.Spec.Max}");
                break;
            case LaunchSettled settled:
                if (!life.Open.Remove(settled.Launch, out var asked)) complain($"launch {settled.Launch} was settled, and was not open");
                if (settled.Machines.Count > asked) complain($"launch {settled.Launch} made {settled.Machines.Count} machines, and {asked} were asked for");
                foreach (var machine in settled.Machines)
                    if (!life.Had.Add(machine.Machine) || !life.Machines.TryAdd(machine.Machine, false)) complain($"machine {machine.Machine} came twice");
                break;
            case LaunchFailed failed:
                if (!life.Open.Remove(failed.Launch)) complain($"launch {failed.Launch} failed, and was not open");
                break;
            case MachinesEnding ending:
                foreach (var machine in ending.Machines)
                {
                    if (!life.Machines.TryGetValue(machine, out var before) || before) complain($"machine {machine} is to end, and {(life.Machines.ContainsKey(machine) ? "was to before" : "is not the pool's")}");
                    life.Machines[machine] = true;
                }
                break;
            case StraysEnding strays:
                foreach (var stray in strays.Machines)
                    if (life.Machines.ContainsKey(stray)) complain($"machine {stray} is the pool's, and is ended as nobody's");
                break;
            case MachinesEnded ended:
                foreach (var (machine, _) in ended.Machines)
                    if (!life.Machines.Remove(machine)) complain($"machine {machine} ended, and is not the pool's");
                break;
        }
    }

    /// <summary>What holds when all is over: of pools that were deleted nothing is left.</summary>
    public IEnumerable<string> Left()
    {
        foreach (var (pool, life) in _lives)
            if (life.Spec is null && life.Open.Count + life.Machines.Count > 0) yield return $"{pool} was deleted, and {life.Open.Count} launches are open and {life.Machines.Count} machines left: {string.Join(", ", life.Machines.Keys)}";
    }

    private sealed class PoolLife
    {
        public int Version { get; set; }

        public PoolSpec? Spec { get; set; }

        public HashSet<string> Names { get; } = [];

        public HashSet<string> Had { get; } = [];

        /// <summary>Launches that are not settled, each with how many machines it asks for.</summary>
        public Dictionary<string, int> Open { get; } = [];

        /// <summary>Machines, each with whether it is to end.</summary>
        public Dictionary<string, bool> Machines { get; } = [];
    }
}
