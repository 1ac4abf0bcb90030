using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

// Pools: each that is this node's is looked after by a keeper, beside what its entity decides.
public sealed partial class EngineNode
{
    private readonly Dictionary<StreamId, PoolKeeper> _keepers = [];
    private readonly ProviderLists _providerLists = new();

    /// <summary>All nodes together, where there are several; else this one.</summary>
    internal IScheduler Whole { get => field ?? this; set; }

    public Task<PoolChange> SetPoolAsync(SetPool command, CancellationToken cancellationToken) => OnLoop(() =>
    {
        CheckPools();
        if (Options.ProviderOf?.Invoke(command.Spec.Provider) is null) throw MakesNone(command.Spec.Provider);
        return Activate(StreamId.Pool(command.Spec.Name)).Ask<PoolEntity, PoolChange>(command.Actor, (PoolEntity pool, in Moment moment) => pool.Set(command.Spec, moment));
    }).WaitAsync(cancellationToken);

    public Task<PoolChange> DeletePoolAsync(DeletePool command, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(StreamId.Pool(command.Pool)).Ask<PoolEntity, PoolChange>(command.Actor, (PoolEntity pool, in Moment moment) => pool.Delete(moment))).WaitAsync(cancellationToken);

    public Task<PoolInfo> ReadPoolAsync(string pool, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        var id = StreamId.Pool(pool);
        var standing = await Activate(id).Ask<PoolEntity, PoolStanding>("system", static (PoolEntity entity, in Moment _) => entity.Read());
        Keep(id);
        return await _keepers[id].TellAsync(standing);
    }).WaitAsync(cancellationToken);

    public Task<IReadOnlyList<Demand>> ListDemandAsync(CancellationToken cancellationToken) => OnLoop(() => Task.FromResult(Dispatcher.Demand()));

    public Task CordonAsync(IReadOnlyList<string> workers, string reason, CancellationToken cancellationToken) => OnLoop(() =>
    {
        foreach (var worker in workers) Dispatcher.Cordon(worker, reason);
        return Task.FromResult(true);
    });

    public Task LoseAsync(IReadOnlyList<EndedMachine> machines, CancellationToken cancellationToken) => OnLoop(() =>
    {
        foreach (var (machine, reason) in machines) Dispatcher.Gone(machine, LossCauses.MachineEnded(machine, reason));
        return Task.FromResult(true);
    });

    /// <exception cref="RefusedException">A server may take part that does not know what a pool is.</exception>
    internal void CheckPools()
    {
        if (Journal.Format < JournalFormat.Of(new PoolDeleted())) throw IsTooEarly("pools", "Set it");
    }

    /// <summary>The pool is looked after from now on, as long as it is this node's and there is something to look after.</summary>
    internal void Keep(StreamId pool)
    {
        if (_stopping.IsCancellationRequested || _keepers.ContainsKey(pool)) return;
        var keeper = new PoolKeeper(this, pool, _providerLists);
        _keepers[pool] = keeper;
        Start(async () =>
        {
            try
            {
                await keeper.RunAsync();
            }
            finally
            {
                _keepers.Remove(pool);
            }
        });
    }

    internal static RefusedException MakesNone(PoolProvider provider) => new(RefusalKind.Invalid, "FAN0001", $"provider: this server makes no machines of {Word(provider)}. docs/pools.md says how it is started so that it does.");

    private static string Word(PoolProvider provider) => provider switch
    {
        PoolProvider.Local => "its own (local)",
        PoolProvider.Ec2 => "EC2 (ec2)",
        _ => throw new ArgumentOutOfRangeException(nameof(provider)),
    };
}
