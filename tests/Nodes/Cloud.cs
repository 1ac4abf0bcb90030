using Fanfare.Contracts;

namespace Fanfare.Nodes;

/// <summary>A provider of machines in this process. Each is a worker that polls another node first than the one before it.</summary>
internal sealed class Cloud(Site site) : IInstanceProvider, IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Machine> _machines = [];
    private readonly Dictionary<string, List<Machine>> _launches = [];

    /// <summary>How long a task takes.</summary>
    public TimeSpan Each { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Most machines that there were at a time.</summary>
    public int Most { get; private set; }

    public int Made
    {
        get
        {
            lock (_lock) return _machines.Count;
        }
    }

    /// <summary>Names of those that there are.</summary>
    public IReadOnlyList<string> Live
    {
        get
        {
            lock (_lock) return [.. _machines.Values.Where(machine => !machine.HasEnded).Select(machine => machine.Id)];
        }
    }

    public LaunchPlan Plan(LaunchRequest wanted) => new(wanted, []);

    public Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var token = LaunchToken.Of(request);
            if (!_launches.TryGetValue(token, out var made))
            {
                _launches[token] = made = [];
                var names = site.Members.Select(member => member.Name).Order(StringComparer.Ordinal).ToList();
                for (var i = 0; i < request.Count; i++)
                {
                    var (id, first) = ($"{request.Pool}-{request.Id}-{i}", _machines.Count % names.Count);
                    var machine = new Machine(id, request.Pool, token, site.NewWorker(id, 1, Each, queue: null, [.. names[first..], .. names[..first]]));
                    made.Add(machine);
                    _machines.Add(id, machine);
                }
                Most = Math.Max(Most, _machines.Values.Count(machine => !machine.HasEnded));
            }
            return Task.FromResult(new LaunchAnswer(token, [.. made.Select(machine => machine.Shown)], [], IsSettled: true));
        }
    }

    public Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken)
    {
        lock (_lock) return Task.FromResult<IReadOnlyList<Instance>>([.. _machines.Values.Select(machine => machine.Shown)]);
    }

    public Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        foreach (var id in ids) End(id);
        return Task.CompletedTask;
    }

    /// <summary>Nothing of it runs any more.</summary>
    public void End(string id)
    {
        Machine machine;
        lock (_lock)
        {
            machine = _machines[id];
            if (machine.WasEnded) return;
            machine.WasEnded = true;
        }
        _ = machine.Worker.DisposeAsync().AsTask();
    }

    public Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new NotSupportedException();

    public async ValueTask DisposeAsync()
    {
        foreach (var machine in _machines.Values.Where(machine => !machine.WasEnded)) await machine.Worker.DisposeAsync();
    }

    private sealed class Machine(string id, string pool, string token, Worker worker)
    {
        private readonly DateTimeOffset _launchedAt = DateTimeOffset.UtcNow;

        public string Id => id;

        public Worker Worker => worker;

        public bool WasEnded { get; set; }

        // It goes with its worker.
        public bool HasEnded => worker.Left.IsCompleted;

        public Instance Shown => new(
            id, pool, token, HasEnded ? InstanceState.Ended : WasEnded ? InstanceState.Ending : InstanceState.Running, "m", "z", CapacityKind.OnDemand, _launchedAt, null, HasEnded ? "gone" : null, IsListed: true);
    }
}
