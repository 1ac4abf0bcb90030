using Fanfare.Gateway;
using Fanfare.Storage;

namespace Fanfare.Cli.Hosting;

/// <summary>The ports of a server that leads at times. What stands by is sent on before it comes here; what comes all the same is told to come again.</summary>
internal sealed class LeadPorts(PostgresElection election) : ServerPorts, ILeadership
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsLeader => HoldsOne;

    public Uri? Leader => !IsLeader && Uri.TryCreate(election.Leader, UriKind.Absolute, out var leader) && leader != Own ? leader : null;

    /// <summary>Where the others reach this server.</summary>
    public Uri? Own { get; set; }

    /// <summary>What a drain does; null until there is a lead to give up.</summary>
    public Func<CancellationToken, Task<Uri>>? HandOver { get; set; }

    protected override string? Absence => Leader is null ? election.Trouble ?? "No server leads at the moment." : null;

    public override void Take(IStore store, IScheduler scheduler)
    {
        base.Take(store, scheduler);
        Change();
    }

    public override void Leave()
    {
        base.Leave();
        Change();
    }

    /// <summary>Returns when some server leads.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        while (!IsLeader && Leader is null) await SettledAsync(TimeSpan.FromSeconds(1), cancellationToken);
    }

    public Task<Uri> HandOverAsync(CancellationToken cancellationToken) => HandOver is { } handOver ? handOver(cancellationToken) : throw Unsettled();

    public async Task SettledAsync(TimeSpan longest, CancellationToken cancellationToken)
    {
        Task changed;
        lock (_lock) changed = _changed.Task;
        if (IsLeader) return;
        // Another server's lead is not heard of, but looked for.
        var step = longest < TimeSpan.FromMilliseconds(50) ? longest : TimeSpan.FromMilliseconds(50);
        await Task.WhenAny(changed, Task.Delay(step, cancellationToken)).ConfigureAwait(false);
    }

    protected override RefusedException Unsettled() => new(RefusalKind.Busy, "FAN0018", "Which server leads is being settled. Repeat the request in a moment.");

    private void Change()
    {
        lock (_lock)
        {
            _changed.TrySetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
