using Fanfare.Contracts;

namespace Fanfare.Replay.Recording;

/// <summary>Where machines of pools come from. Of several that a launch asks for it does not have the last, no machine is ever heard of, and one is there that nobody launched. What else comes of a pool is said by its name.</summary>
internal sealed class ScriptedCloud : IInstanceProvider
{
    /// <summary>Never says what comes of its second launch.</summary>
    public const string Scarce = "scarce";

    /// <summary>Has no launch that can be carried out.</summary>
    public const string Refused = "refused";

    /// <summary>Has machines that never come to their end.</summary>
    public const string Slow = "slow";

    /// <summary>Has a machine that it knows nothing of.</summary>
    public const string Swept = "swept";

    private readonly Dictionary<string, Instance> _instances = new()
    {
        ["stray"] = new Instance("stray", Swept, "0000000000000000000000000000000000000000", InstanceState.Running, "m7i.large", "eu-central-1a", CapacityKind.OnDemand, DateTimeOffset.UnixEpoch, null, null, IsListed: true),
    };

    public LaunchPlan Plan(LaunchRequest wanted) => new(wanted, []);

    public Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
    {
        var token = LaunchToken.Of(request);
        if (request.Pool == Refused) throw new InstanceProviderException("There is no such template.");
        if (request.Pool == Scarce && _instances.Values.Any(instance => instance.Pool == Scarce)) return Task.FromResult(new LaunchAnswer(token, [], [], IsSettled: false));
        var (first, given) = (request.Offerings[0], Math.Max(1, request.Count - 1));
        List<Instance> made = [.. Enumerable.Range(0, given).Select(place => Make(request, token, place, first.Capacity))];
        List<LaunchRefusal> refusals = given == request.Count ? [] : [new LaunchRefusal(0, first.Choices[0], first.Capacity, RefusalReason.NoCapacity, "InsufficientInstanceCapacity", "There is no sufficient capacity of what was asked for.")];
        return Task.FromResult(new LaunchAnswer(token, made, refusals, IsSettled: true));
    }

    public Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<Instance>>([.. _instances.Values]);

    public Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        foreach (var id in ids) _instances[id] = _instances[id] with { State = _instances[id].Pool == Slow ? InstanceState.Ending : InstanceState.Ended, Ended = "Client.UserInitiatedShutdown: as asked" };
        return Task.CompletedTask;
    }

    public Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new NotSupportedException();

    private Instance Make(LaunchRequest request, string token, int place, CapacityKind capacity)
    {
        var made = new Instance($"{request.Pool}-{request.Id}-{place}", request.Pool, token, InstanceState.Pending, "m7i.large", "eu-central-1b", capacity, request.AskedAt, "10.0.0.7", null, IsListed: true) { Labels = request.Labels };
        return _instances[made.Id] = made;
    }
}
