using System.Text;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Engine;
using Fanfare.Specs;
using Fanfare.Storage;
using Fanfare.Storage.Blobs;

namespace Fanfare.Replay.Recording;

/// <summary>Where a scenario is played: an engine on a data directory of its own, and a scripted worker.</summary>
internal sealed class Stage : IAsyncDisposable
{
    private const string Namespace = "default", Operator = "operator";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _committed = new(0);
    private readonly SqliteStore _store;
    private readonly EngineNode _node;
    private readonly Task _working;
    private string _run = "";

    private Stage(string directory, SqliteStore store, IBlobStore blobs, EngineNode node, ScriptedWorker worker)
    {
        (Directory, _store, Blobs, _node, Worker) = (directory, store, blobs, node, worker);
        store.Journal.Committed += (_, _) => _committed.Release();
        _working = worker.RunAsync(_stop.Token);
    }

    public string Directory { get; }

    public IBlobStore Blobs { get; }

    public ScriptedWorker Worker { get; }

    public IReadModel ReadModel => _store.ReadModel;

    public static async Task<Stage> OpenAsync(Func<Lease, Answer> script)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("fanfare-replay-").FullName;
        var store = await SqliteStore.OpenAsync(directory, TimeProvider.System, Console.Error.WriteLine);
        var blobs = new DirectoryBlobStore(Path.Combine(directory, "blobs"));
        var cloud = new ScriptedCloud();
        var node = new EngineNode(new EngineOptions { Seed = 1, CarriedAfter = 8, Notifier = new ScriptedReceivers(), ProviderOf = _ => cloud }, store.Journal, store.ReadModel, blobs, TimeProvider.System,
            new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, Console.Error.WriteLine);
        await node.RecoverAsync();
        return new Stage(directory, store, blobs, node, new ScriptedWorker(node, "recorder", script));
    }

    public async Task DeployAsync(string yaml, string? package = null)
    {
        var read = FlowSpecReader.Read(yaml);
        if (read.Spec is null) throw new InvalidOperationException(string.Join('\n', read.Errors));
        await _node.DeployAsync(new DeployFlow(Namespace, Operator, read.Spec, yaml, package), default);
    }

    public Task DeleteAsync(string flow) => _node.DeleteFlowAsync(new DeleteFlow(Namespace, Operator, flow), default);

    /// <summary>Starts the run that the other calls are about.</summary>
    public async Task StartAsync(string flow, string parameters = "{}", int? deployment = null, string? key = null, string[]? tags = null)
    {
        var started = await _node.StartRunAsync(new StartRun(Namespace, Operator, flow, deployment, parameters, tags ?? [], 0, key, RunIds.Of(Encoding.UTF8.GetBytes(flow.PadRight(10, '.')))), default);
        _run = started.Run;
    }

    /// <summary>Waits for runs that start by themselves; the other calls are about the first.</summary>
    public Task BeginsAsync(string flow, int runs = 1) => UntilAsync($"run of {flow}", async () =>
    {
        var begun = await ReadModel.ListRunsAsync(new RunFilter(Namespace, flow), null, 100, default);
        if (begun.Items.Count > 0) _run = begun.Items[^1].Run;
        return begun.Items.Count >= runs;
    });

    public async Task PublishAsync(string name, string payload)
    {
        var number = (await ReadModel.ListEventsAsync(Namespace, name, null, 100, default)).Items.Count;
        await _node.PublishAsync(new PublishEvent(Namespace, Operator, name, payload, $"{number}", ""), default);
    }

    public Task CommandTriggerAsync(ScheduleVerb verb, string flow, string trigger, string? reason = null) =>
        _node.CommandTriggerAsync(new CommandTrigger(Namespace, Operator, flow, trigger, verb, reason), default);

    public async Task CommandDeadLettersAsync(DeadLetterVerb verb)
    {
        foreach (var letter in (await ReadModel.ListDeadLettersAsync(Namespace, null, null, null, 100, default)).Items)
            await _node.CommandDeadLettersAsync(new CommandDeadLetters(Namespace, Operator, letter.Event, verb), default);
    }

    /// <summary>Waits for so many notices of a kind, of which receivers have been told or not.</summary>
    public Task NoticedAsync(NoticeKind kind, int times = 1) => UntilAsync($"notice of {kind}", async () =>
        (await NoticesAsync()).Count(notice => notice.Standing.Content.Kind == kind && notice.Standing.Deliveries.All(delivery => delivery.Tries > 0)) >= times);

    public async Task CommandNoticesAsync(DeadLetterVerb verb)
    {
        foreach (var notice in (await NoticesAsync()).Where(notice => notice.IsDead))
            await _node.CommandNoticeAsync(new CommandNotice(Namespace, Operator, notice.Notice, verb), default);
        await UntilAsync("end of what is tried again", async () => (await NoticesAsync()).All(notice => notice.Standing.Deliveries.All(delivery => delivery is not { State: NoticeState.Pending, Tries: 0 })));
    }

    private async Task<IReadOnlyList<NoticeRow>> NoticesAsync() => (await ReadModel.ListNoticesAsync(Namespace, null, false, null, 100, default)).Items;

    public Task SetAsync(PoolSpec pool) => _node.SetPoolAsync(new SetPool(Operator, pool), default);

    public Task DeletePoolAsync(string pool) => _node.DeletePoolAsync(new DeletePool(Operator, pool), default);

    /// <summary>Waits for an event of a pool, which history does not show.</summary>
    public Task SeenAsync<TEvent>(string pool)
        where TEvent : Event => UntilAsync($"{typeof(TEvent).Name} of {pool}", () => Task.FromResult(Recorder.ReadJournal(Directory).Exists(e => e.Stream == StreamId.Pool(pool) && e.Event is TEvent)));

    /// <param name="from">Year in which the first interval may begin,</param>
    /// <param name="to">and the last may end.</param>
    public async Task BackfillAsync(string id, string flow, string schedule, int from, int to, int parallel, BackfillRerun rerun = BackfillRerun.None)
    {
        await UntilAsync($"schedule {schedule}", async () => await ReadModel.GetScheduleAsync(Namespace, flow, schedule, default) is not null);
        var plan = new BackfillPlan(flow, schedule, new DateTimeOffset(from, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(to, 1, 2, 0, 0, 0, TimeSpan.Zero), rerun == BackfillRerun.Failed, parallel, -3, rerun, 0);
        await _node.StartBackfillAsync(new StartBackfill(Namespace, Operator, id, plan), default);
    }

    public Task CommandAsync(BackfillVerb verb, string backfill, string? reason = null, bool runs = false) => _node.CommandBackfillAsync(new CommandBackfill(Namespace, Operator, backfill, verb, reason, runs), default);

    public Task BackfillIsAsync(string backfill, BackfillState state) => UntilAsync($"backfill that is {state}", async () => (await ReadModel.GetBackfillAsync(Namespace, backfill, default))!.Standing.State == state);

    public Task CommandAsync(ScheduleVerb verb, string flow, string schedule, string? reason = null) =>
        _node.CommandScheduleAsync(new CommandSchedule(Namespace, Operator, flow, schedule, verb, reason), default);

    public Task CommandAsync(RunVerb verb, string? fromStep = null) => _node.CommandRunAsync(new CommandRun(Namespace, Operator, _run, verb, null, fromStep), default);

    public Task CommandAsync(TaskVerb verb, string step, int frames, int split, string? output = null)
    {
        if (!StepKey.TryParse(step, frames, out var key)) throw new ArgumentException($"'{step}' is no step's key.", nameof(step));
        return _node.CommandTaskAsync(new CommandTask(Operator, new TaskRef(Namespace, _run, key, split), verb, output), default);
    }

    public Task SeenAsync<TEvent>(int times = 1)
        where TEvent : Event => UntilAsync(typeof(TEvent).Name, async () => (await HistoryAsync()).Count(e => e.Entry.Event is TEvent) >= times);

    public Task HeldAsync(params string[] tasks) => UntilAsync($"{string.Join(", ", tasks)} held", () => Task.FromResult(tasks.Order().SequenceEqual(Worker.Held.Order())));

    /// <summary>Waits for the end of the run, which must be this one.</summary>
    public async Task EndsAsync(RunStatus status)
    {
        await UntilAsync("end of the run", async () => (await ReadModel.GetRunAsync(Namespace, _run, default))!.Status.IsTerminal());
        var run = await ReadModel.GetRunAsync(Namespace, _run, default);
        if (run!.Status != status) throw new InvalidOperationException($"The run ended as {run.Status}, not {status}: {run.Error?.Message}");
    }

    /// <summary>The rows that the live run wrote, by stream; and the engine is stopped, so that no more come.</summary>
    public async Task<Dictionary<StreamId, Row>> CloseAsync()
    {
        await _stop.CancelAsync();
        await _working;
        await _node.DisposeAsync();
        var rows = new Dictionary<StreamId, Row>();
        var runs = await ReadModel.ListRunsAsync(new RunFilter(Namespace), null, 100, default);
        foreach (var run in runs.Items)
        {
            rows[StreamId.Run(Namespace, run.Run)] = run;
            foreach (var step in (await ReadModel.ListStepsAsync(Namespace, run.Run, null, 1000, default)).Items) rows[StreamId.Step(Namespace, run.Run, step.Key)] = step;
        }
        foreach (var schedule in (await ReadModel.ListSchedulesAsync(Namespace, null, null, 100, default)).Items) rows[StreamId.Schedule(Namespace, schedule.Flow, schedule.Schedule)] = schedule;
        foreach (var backfill in (await ReadModel.ListBackfillsAsync(Namespace, null, null, 100, default)).Items) rows[StreamId.Backfill(Namespace, backfill.Backfill)] = backfill;
        foreach (var notice in await NoticesAsync()) rows[StreamId.Notice(Namespace, notice.Notice)] = notice;
        foreach (var pool in (await ReadModel.ListPoolsAsync(null, 100, default)).Items) rows[StreamId.Pool(pool.Pool)] = pool;
        foreach (var published in (await ReadModel.ListEventsAsync(Namespace, null, null, 100, default)).Items) rows[StreamId.Event(Namespace, published.Event)] = published;
        await _store.DisposeAsync();
        return rows;
    }

    public ValueTask DisposeAsync()
    {
        _stop.Dispose();
        _committed.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    private Task<IReadOnlyList<HistoryEvent>> HistoryAsync() => ReadModel.ReadHistoryAsync(Namespace, _run, 0, 10_000, default);

    private async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            if (patience.IsCancellationRequested)
                throw new TimeoutException($"No {what} within {Patience.TotalSeconds:0} s. Events: {string.Join(", ", (await HistoryAsync()).Select(e => e.Entry.Event.GetType().Name))}");
            await _committed.WaitAsync(TimeSpan.FromMilliseconds(50));
        }
    }
}
