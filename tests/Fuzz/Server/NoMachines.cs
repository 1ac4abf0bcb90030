using Fanfare.Contracts;

namespace Fanfare.Fuzz.Server;

/// <summary>A provider that has no machine, and says so.</summary>
internal sealed class NoMachines : IInstanceProvider
{
    public LaunchPlan Plan(LaunchRequest wanted) => new(wanted, []);

    public Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
    {
        request.Check();
        return Task.FromResult(new LaunchAnswer(LaunchToken.Of(request), [], [.. request.Offerings.Select((offering, i) => new LaunchRefusal(i, null, offering.Capacity, RefusalReason.NoCapacity, "None", "There are none."))], IsSettled: true));
    }

    public Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<Instance>>([]);

    public Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken) =>
        ids.Count == 0 ? Task.CompletedTask : throw new InstanceProviderException($"There is no machine {ids.First()}.");

    public Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<MachineType>>([]);

    public Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<SpotPrice>>([]);
}
