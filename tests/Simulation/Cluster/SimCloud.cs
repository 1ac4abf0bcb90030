using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Cluster;

/// <summary>Where machines of a pool come from, outside of all nodes: it gives fewer than are asked for, shows late what it made, takes machines back with and without notice, and complains of who ends one that runs a task.</summary>
internal sealed class SimCloud
{
    private readonly SimCluster _cluster;
    private readonly SideEffects _effects;
    private readonly Chance _chance;
    private readonly Dictionary<string, (string Request, List<SimMachine> Made, int Refused)> _launches = [];

    public SimCloud(SimCluster cluster, SideEffects effects)
    {
        (_cluster, _effects, _chance) = (cluster, effects, new Chance(Chance.Mix(cluster.Loop.Seed ^ Chance.Hash("cloud"))));
        var max = _chance.Between(1, 8);
        Spec = new PoolSpec
        {
            Name = "burst",
            Provider = PoolProvider.Ec2,
            Machine = new ResourceSpec(_chance.Between(1, 4), 0, 0, 0),
            Max = max,
            Min = _chance.Roll(0.3) ? _chance.Between(0, max) : 0,
            Spare = _chance.Roll(0.3) ? _chance.Between(0, Math.Min(2, max)) : 0,
            Idle = TimeSpan.FromSeconds(_chance.Between(1, 30)),
            RegisterWithin = TimeSpan.FromSeconds(_chance.Between(30, 90)),
            Lifetime = _chance.Roll(0.3) ? TimeSpan.FromMinutes(1) : null,
        };
    }

    public PoolSpec Spec { get; }

    public List<SimMachine> Machines { get; } = [];

    /// <summary>What nobody may do and somebody did.</summary>
    public List<string> Complaints { get; } = [];

    /// <summary>Whether its pool was deleted, and whoever asked for that was told so.</summary>
    public bool IsDeleted { get; set; }

    public bool IsEmpty => Machines.TrueForAll(machine => machine.EndedAt is not null);

    public IInstanceProvider For(VirtualProcess process) => new SimProvider(this, process, new Chance(Chance.Mix(_cluster.Loop.Seed ^ Chance.Hash($"provider {process.Name}"))), _cluster.Faults);

    public (IReadOnlyList<SimMachine> Made, int Refused) Launch(LaunchRequest request)
    {
        var (token, text) = (LaunchToken.Of(request), JsonSerializer.Serialize(request));
        if (_launches.TryGetValue(token, out var before))
        {
            if (before.Request != text) Complaints.Add($"launch {request.Id} was asked for as {before.Request} and as {text}");
            return (before.Made, before.Refused);
        }
        var given = _chance.Roll(0.2) ? _chance.Int(request.Count + 1) : request.Count;
        List<SimMachine> made = [.. Enumerable.Range(0, given).Select(i => new SimMachine($"{request.Pool}-{request.Id}-{i}", token, _cluster.Loop.Now) { ShownAt = _cluster.Loop.Now + _chance.Span(0, 20_000) })];
        _launches[token] = (text, made, request.Count - given);
        Machines.AddRange(made);
        if (Machines.Count(machine => machine.EndedAt is null) is var alive && alive > Spec.Max) Complaints.Add($"there are {alive} machines, and the pool may have {Spec.Max}");
        foreach (var machine in made)
        {
            _cluster.Loop.Trace($"machine {machine.Id} is made");
            // Some come up without ever being heard of.
            if (_chance.Roll(0.1)) continue;
            _cluster.Loop.After(_chance.Span(500, 15_000), () =>
            {
                if (machine.EndingAt is null && machine.EndedAt is null) machine.Worker = new SimWorker(machine.Id, (int)Spec.Machine.Cpu, _cluster, _effects, machine);
            });
        }
        return (made, request.Count - given);
    }

    /// <summary>Somebody asked for its end.</summary>
    public void Terminate(string id)
    {
        if (Machines.Find(each => each.Id == id) is not { EndingAt: null, EndedAt: null } machine) return;
        if (machine.Worker?.Runs is { } task) Complaints.Add($"machine {id} was ended while it ran {task}");
        _cluster.Loop.Trace($"machine {id} is asked to end");
        machine.EndingAt = _cluster.Loop.Now;
        _cluster.Loop.After(_chance.Span(100, 8_000), () => End(machine, "as asked"));
    }

    /// <summary>Nothing of it runs any more.</summary>
    public void End(SimMachine machine, string why)
    {
        if (machine.EndedAt is not null) return;
        (machine.EndedAt, machine.Why) = (_cluster.Loop.Now, why);
        _cluster.Loop.Trace($"machine {machine.Id} has ended: {why}");
        machine.Worker?.MachineEnded();
    }

    /// <summary>Its worker has ended in order. Some machines go with their workers, and some stay.</summary>
    public void Leave(SimMachine machine)
    {
        if (_chance.Roll(0.5)) End(machine, "ended with exit code 0");
    }
}

/// <summary>A machine that was made.</summary>
internal sealed class SimMachine(string id, string token, DateTimeOffset launchedAt)
{
    public string Id => id;

    public string Token => token;

    public DateTimeOffset LaunchedAt => launchedAt;

    /// <summary>From when on it is listed.</summary>
    public DateTimeOffset ShownAt { get; init; }

    public DateTimeOffset? EndingAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    public string? Why { get; set; }

    public SimWorker? Worker { get; set; }

    public Instance As(string pool, bool isListed) => new(
        id, pool, token, EndedAt is not null ? InstanceState.Ended : EndingAt is not null ? InstanceState.Ending : InstanceState.Running, "m.large", "z", CapacityKind.Spot, launchedAt, null, Why, isListed);
}

/// <summary>The cloud as one node reaches it: slowly, not always, and without hearing of everything that it did.</summary>
internal sealed class SimProvider(SimCloud cloud, VirtualProcess process, Chance chance, Faults faults) : IInstanceProvider
{
    private readonly Dictionary<string, SimMachine> _returned = [];

    public LaunchPlan Plan(LaunchRequest wanted) => chance.Roll(0.05)
        ? new LaunchPlan(null, [new OutOfStock(CapacityKind.Spot, null, RefusalReason.NoCapacity, process.Clock.GetUtcNow() + TimeSpan.FromSeconds(3))]) : new LaunchPlan(wanted, []);

    public async Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
    {
        await WayAsync("launch", cancellationToken);
        if (chance.Roll(0.02)) throw new InstanceProviderException("There is no such template.");
        var (made, refused) = cloud.Launch(request);
        await WayAsync("launched", cancellationToken);
        if (faults.At("launch unsettled", process.Name, 0.1) is not null) return new LaunchAnswer(LaunchToken.Of(request), [], [], IsSettled: false);
        foreach (var machine in made) _returned[machine.Id] = machine;
        return new LaunchAnswer(
            LaunchToken.Of(request), [.. made.Select(machine => machine.As(request.Pool, isListed: false))],
            [.. Enumerable.Repeat(new LaunchRefusal(0, null, CapacityKind.Spot, RefusalReason.NoCapacity, "InsufficientInstanceCapacity", "none left"), Math.Min(1, refused))], IsSettled: true);
    }

    public async Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken)
    {
        await WayAsync("list", cancellationToken);
        var now = cloud.Machines.Where(machine => _returned.ContainsKey(machine.Id) || machine.ShownAt <= process.Clock.GetUtcNow() - process.ClockOffset).Select(machine => machine.As(cloud.Spec.Name, isListed: true)).ToList();
        await WayAsync("listed", cancellationToken);
        return now;
    }

    public async Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        await WayAsync("terminate", cancellationToken);
        foreach (var id in ids) cloud.Terminate(id);
        await WayAsync("terminated", cancellationToken);
    }

    public Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new NotSupportedException();

    private async Task WayAsync(string what, CancellationToken cancellationToken)
    {
        await Task.Delay(chance.Span(1, faults.At($"slow {what}", process.Name, 0.05) is not null ? 15_000 : 300), process.Clock, cancellationToken);
        if (faults.At($"lost {what}", process.Name, 0.08) is not null) throw new InstanceProviderException("The cloud did not answer.") { Reason = RefusalReason.NoAnswer };
    }
}
