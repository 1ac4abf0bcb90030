using System.Runtime.CompilerServices;
using Fanfare.Engine;
using Fanfare.Gateway;
using Fanfare.Storage;

namespace Fanfare.Cli.Hosting;

/// <summary>The gateway's ports on a server that leads at times: they reach the engine and the journal of the present lead. What stands by is sent on
/// before it comes here; what comes all the same is told to come again.</summary>
internal sealed class LeadPorts(PostgresElection election) : ILeadership, IScheduler, IJournal, IReadModel
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile OneLead? _lead;

    public event Action<long, IReadOnlyCollection<(string Namespace, string Run)>>? Committed;

    public bool IsLeader => _lead is not null;

    public Uri? Leader => _lead is null && Uri.TryCreate(election.Leader, UriKind.Absolute, out var leader) && leader != Own ? leader : null;

    /// <summary>Where the others reach this server.</summary>
    public Uri? Own { get; set; }

    public string Incarnation => Now.Store.Journal.Incarnation;

    public string? Health => _lead is { } lead
        ? lead.Store.Leads ? lead.Store.Journal.Health : lead.Store.Journal.Health ?? "The database has not answered for some seconds, so that another server may lead. This one goes on when it answers."
        : Leader is null ? election.Trouble ?? "No server leads at the moment." : null;

    private OneLead Now => _lead ?? throw Unsettled();

    public void Take(IStore store, EngineNode engine)
    {
        store.Journal.Committed += OnCommitted;
        _lead = new OneLead(store, engine);
        Change();
    }

    public void Leave()
    {
        if (_lead is not { } lead) return;
        _lead = null;
        lead.Store.Journal.Committed -= OnCommitted;
        lead.Ended.Cancel();
        Change();
    }

    /// <summary>Says whether the lease is held: while it is not, what lasts is ended, so that callers go to another server.</summary>
    public void Hold(bool held)
    {
        if (_lead is not { } lead || held != lead.Ended.IsCancellationRequested) return;
        if (held) lead.Ended = new CancellationTokenSource();
        else lead.Ended.Cancel();
    }

    /// <summary>Returns when some server leads.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        while (!IsLeader && Leader is null) await SettledAsync(TimeSpan.FromSeconds(1), cancellationToken);
    }

    public CancellationToken Lead => _lead?.Ended.Token ?? new CancellationToken(canceled: true);

    /// <summary>What a drain does; null until there is a lead to give up.</summary>
    public Func<CancellationToken, Task<Uri>>? HandOver { get; set; }

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

    public Task<Deployed> DeployAsync(DeployFlow command, CancellationToken cancellationToken) => AskAsync(lead => lead.Engine.DeployAsync(command, cancellationToken));

    public Task<Started> StartRunAsync(StartRun command, CancellationToken cancellationToken) => AskAsync(lead => lead.Engine.StartRunAsync(command, cancellationToken));

    public Task<RunStatus> CommandRunAsync(CommandRun command, CancellationToken cancellationToken) => AskAsync(lead => lead.Engine.CommandRunAsync(command, cancellationToken));

    public Task CommandTaskAsync(CommandTask command, CancellationToken cancellationToken) => AskAsync(async lead =>
    {
        await lead.Engine.CommandTaskAsync(command, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task<Explanation> ExplainAsync(TaskRef task, CancellationToken cancellationToken) => AskAsync(lead => lead.Engine.ExplainAsync(task, cancellationToken));

    public async Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken)
    {
        var store = Now.Store;
        if (!store.Leads) throw Unsettled();
        var response = await AskAsync(lead => lead.Engine.PollAsync(request, cancellationToken)).ConfigureAwait(false);
        // An answer renews leases, and that is not journaled: whoever may have been succeeded meanwhile must not give one. The request came before this
        // look, so a successor that this misses gives every lease its term from a later time than the worker counts from.
        return store.Leads ? response : throw Succeeded();
    }

    public async IAsyncEnumerable<LeaseInput> ReadInputsAsync(HeldLease lease, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var input in Now.Engine.ReadInputsAsync(lease, cancellationToken).ConfigureAwait(false)) yield return input;
    }

    public Task<int?> CheckLeaseAsync(HeldLease lease, CancellationToken cancellationToken) => AskAsync(lead => lead.Engine.CheckLeaseAsync(lease, cancellationToken));

    public Task<IReadOnlyList<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken) => AskAsync(lead => lead.Engine.ListWorkersAsync(cancellationToken));

    public Task<IReadOnlyList<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken) => AskAsync(lead => lead.Engine.ListQueuesAsync(cancellationToken));

    public Task<OpenedStream> OpenAsync(StreamId stream, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.Journal.OpenAsync(stream, cancellationToken));

    public OpenedStream? TryOpenNew(StreamId stream) => Now.Store.Journal.TryOpenNew(stream);

    public OpenedStream AssumeNew(StreamId stream) => Now.Store.Journal.AssumeNew(stream);

    public Task<AppendOutcome> AppendAsync(IReadOnlyList<Append> appends) => AskAsync(lead => lead.Store.Journal.AppendAsync(appends));

    public Task<AppendOutcome> AcknowledgeAsync(StreamId stream, long epoch, Wake? wake) => AskAsync(lead => lead.Store.Journal.AcknowledgeAsync(stream, epoch, wake));

    public Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(DateTimeOffset due, int limit, StreamId? after, CancellationToken cancellationToken) =>
        AskAsync(lead => lead.Store.Journal.ScanWakesAsync(due, limit, after, cancellationToken));

    public Task<DeploymentRow?> GetDeploymentAsync(string ns, string flow, int? version, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.GetDeploymentAsync(ns, flow, version, cancellationToken));

    public Task<Page<DeploymentRow>> ListFlowsAsync(string ns, string? cursor, int limit, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.ListFlowsAsync(ns, cursor, limit, cancellationToken));

    public Task<Page<DeploymentRow>> ListDeploymentsAsync(string ns, string flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(lead => lead.Store.ReadModel.ListDeploymentsAsync(ns, flow, cursor, limit, cancellationToken));

    public Task<RunRow?> GetRunAsync(string ns, string run, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.GetRunAsync(ns, run, cancellationToken));

    public Task<RetiredRun?> GetRetiredAsync(string ns, string run, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.GetRetiredAsync(ns, run, cancellationToken));

    public Task<Page<RunRow>> ListRunsAsync(RunFilter filter, string? cursor, int limit, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.ListRunsAsync(filter, cursor, limit, cancellationToken));

    public Task<Page<StepRow>> ListStepsAsync(string ns, string run, string? cursor, int limit, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.ListStepsAsync(ns, run, cursor, limit, cancellationToken));

    public Task<StepRow?> GetStepAsync(string ns, string run, StepKey key, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.GetStepAsync(ns, run, key, cancellationToken));

    public Task<Page<TaskRow>> ListTasksAsync(string ns, string run, TaskFilter filter, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(lead => lead.Store.ReadModel.ListTasksAsync(ns, run, filter, cursor, limit, cancellationToken));

    public Task<TaskRow?> GetTaskAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.GetTaskAsync(ns, run, key, split, cancellationToken));

    public Task<IReadOnlyList<AttemptRow>> ListAttemptsAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        AskAsync(lead => lead.Store.ReadModel.ListAttemptsAsync(ns, run, key, split, cancellationToken));

    public Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string ns, string run, long afterPosition, int limit, CancellationToken cancellationToken) =>
        AskAsync(lead => lead.Store.ReadModel.ReadHistoryAsync(ns, run, afterPosition, limit, cancellationToken));

    public Task<long> GetPositionAsync(CancellationToken cancellationToken) => AskAsync(lead => lead.Store.ReadModel.GetPositionAsync(cancellationToken));

    public IAsyncEnumerable<TaskOutput> ReadOutputsAsync(string ns, string run, StepKey key, SplitRanges splits, CancellationToken cancellationToken) => Now.Store.ReadModel.ReadOutputsAsync(ns, run, key, splits, cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<T> AskAsync<T>(Func<OneLead, Task<T>> ask)
    {
        var lead = Now;
        try
        {
            return await ask(lead).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not RefusedException && !ReferenceEquals(_lead, lead))
        {
            // The lead ended meanwhile, and what it had with it.
            throw Succeeded();
        }
    }

    private void OnCommitted(long position, IReadOnlyCollection<(string Namespace, string Run)> runs) => Committed?.Invoke(position, runs);

    private void Change()
    {
        lock (_lock)
        {
            _changed.TrySetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private static RefusedException Unsettled() => new(RefusalKind.Busy, "FAN0018", "Which server leads is being settled. Repeat the request in a moment.");

    private static RefusedException Succeeded() => new(RefusalKind.Busy, "FAN0008", "Another server took over while this one answered. Repeat the request in a moment.");

    private sealed record OneLead(IStore Store, EngineNode Engine)
    {
        public CancellationTokenSource Ended { get; set; } = new();
    }
}
