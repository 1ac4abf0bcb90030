using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>The engine of one node: the entities that are awake, and the messages between them. It has no thread, timer or
/// chance of its own: everything runs on the scheduler and clock that the host gave, one thing at a time.</summary>
public sealed partial class EngineNode : IScheduler, IAsyncDisposable
{
    private readonly Dictionary<StreamId, Activation> _activations = [];
    private readonly CancellationTokenSource _stopping = new();
    private const int WakesPage = 1000;

    /// <summary>How often even that is looked for which cannot be: streams that are due at once, and asleep.</summary>
    private static readonly TimeSpan WholeScanEvery = TimeSpan.FromMinutes(1);

    private readonly TaskScheduler _scheduler;
    private readonly Action<string> _warn;
    private readonly LeaseAssembly _assembly;
    private EngineGauges? _gauges;
    private ITimer? _housekeeping;
    private readonly long _startedAt;
    private TimeSpan _clockOffset, _scannedAt;
    private bool _isMissing;
    private ulong _entropy;

    /// <param name="scheduler">Runs one task at a time.</param>
    /// <param name="warn">Takes messages for operators.</param>
    public EngineNode(EngineOptions options, IJournal journal, IReadModel readModel, IBlobStore blobs, TimeProvider clock, TaskScheduler scheduler, Action<string> warn)
    {
        Options = options;
        Journal = journal;
        Clock = clock;
        _startedAt = clock.GetTimestamp();
        _clockOffset = clock.GetUtcNow() - DateTimeOffset.UnixEpoch;
        _scheduler = scheduler;
        _warn = warn;
        _entropy = options.Seed;
        if (options.IsOneOfSeveral) _shards = [];
        Runs = new RunContexts(readModel);
        _assembly = new LeaseAssembly(Runs, readModel, blobs, options.Traces);
        Dispatcher = new Dispatcher(this, _assembly);
        ReadModel = readModel;
        _histories = new RunHistories(readModel);
    }

    internal EngineOptions Options { get; }

    internal IJournal Journal { get; }

    internal IReadModel ReadModel { get; }

    internal TimeProvider Clock { get; }

    internal RunContexts Runs { get; }

    internal Dispatcher Dispatcher { get; }

    internal FailingFlows Failing { get; } = new();

    /// <summary>Called when there is work for which no worker waits here.</summary>
    internal Action? Unserved { get; set; }

    /// <summary>Called when there is something for a worker that does not wait here.</summary>
    internal Action<string>? Wanted { get; set; }

    /// <summary>Told about every second which workers it needs all at once.</summary>
    internal Action<KeptWorkers>? Keeps { get; set; }

    /// <summary>Hands messages to an entity that another node has; returns when they are durable there. Null for a node that is alone.</summary>
    internal Func<Delivery, Task>? Posts { get; set; }

    internal DateTimeOffset Now => Clock.GetUtcNow();

    /// <summary>Monotonic time since the node was made; what lasts for a while is counted by it, since a wall clock may be set.</summary>
    internal TimeSpan Uptime => Clock.GetElapsedTime(_startedAt);

    internal CancellationToken Stopping => _stopping.Token;

    /// <summary>Wakes what a former owner of the journal left to do, and goes on doing so. Returns when all that was due is awake.</summary>
    public Task RecoverAsync() => OnLoop(async () =>
    {
        _tookOverAt = Now;
        await LearnAwaitedAsync();
        await ScanAsync(new WakeQuery(Now));
        TellRecent();
        _housekeeping = Clock.CreateTimer(_ => Start(KeepHouseAsync), null, Options.ScanEvery, Options.ScanEvery);
        return true;
    });

    /// <summary>Their ids are free again: nothing is remembered of the runs that had them.</summary>
    public Task ForgetRunsAsync(IReadOnlyList<StreamId> runs) => OnLoop(() =>
    {
        foreach (var run in runs) Runs.Forget(run.Namespace, run.Name);
        return Task.FromResult(true);
    });

    /// <summary>Stops: no command is taken any more, parked polls are released. What was acknowledged is durable.</summary>
    public ValueTask DisposeAsync() => new(OnLoop(async () =>
    {
        if (_housekeeping is not null) await _housekeeping.DisposeAsync();
        Dispatcher.Release();
        // Not CancelAsync: that runs the registered callbacks on the thread pool.
#pragma warning disable CA1849
        _stopping.Cancel();
#pragma warning restore CA1849
        foreach (var activation in _activations.Values) activation.Drop();
        _gauges?.Dispose();
        return true;
    }));

    // A node that stops has lost its journal, perhaps; what fails for that is no news.
    /// <param name="about">The stream that it is about; null for none.</param>
    internal void Warn(string message, StreamId? about = null)
    {
        if (_stopping.IsCancellationRequested) return;
        if (Options.Log is { } log) log.Warn(message, about);
        else _warn(message);
    }

    internal Moment MomentOf(string actor) => new(Now, actor, NextEntropy(), Journal.Incarnation, Uptime);

    /// <summary>Starts a piece of work on the scheduler; a failure of it is a bug, and is said.</summary>
    internal void Start(Func<Task> work) => Watch(OnLoop(async () =>
    {
        await work();
        return true;
    }));

    /// <summary>Says what a piece of work failed with that nobody awaits.</summary>
    internal void Watch(Task work) =>
        _ = work.ContinueWith(t => Warn($"engine: {t.Exception!.GetBaseException()}"), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, _scheduler);

    internal void OnFailure(Task work, Func<Task> act) =>
        _ = work.ContinueWith(_ => Start(act), CancellationToken.None, TaskContinuationOptions.NotOnRanToCompletion, _scheduler);

    internal Task DelayAsync(TimeSpan delay) => Task.Delay(delay, Clock, Stopping);

    /// <exception cref="RefusedException">It is another node's.</exception>
    internal Activation Activate(StreamId id)
    {
        if (_activations.TryGetValue(id, out var activation)) return activation;
        if (!Owns(id)) throw RefusedException.Moved(id);
        return _activations[id] = new Activation(id, this);
    }

    /// <param name="events">What its stream holds.</param>
    internal async Task<Entity> CreateEntityAsync(StreamId id, IReadOnlyList<JournalEvent> events) => id.Kind switch
    {
        StreamKind.Flow => new FlowEntity(id),
        StreamKind.Run when events is [{ Event: RunStarted started }, ..] => RunOf(id, await Runs.OfAsync(id.Namespace, id.Name, started, Stopping)),
        StreamKind.Run => RunOf(id, await Runs.GetAsync(id.Namespace, id.Name, Stopping)),
        StreamKind.Schedule => new ScheduleEntity(id, Options.CarriedAfter ?? ScheduleEntity.CarriedAfter),
        StreamKind.Event => new EventEntity(id),
        StreamKind.Trigger => new TriggerEntity(id, Options.CarriedAfter ?? TriggerEntity.CarriedAfter),
        StreamKind.Backfill => new BackfillEntity(id),
        StreamKind.Notice => new NoticeEntity(id),
        StreamKind.Pool => new PoolEntity(id, Options.CarriedAfter ?? PoolEntity.CarriedAfter),
        StreamKind.Step => StepOf(id, await Runs.GetAsync(id.Namespace, id.RunId!, Stopping)),
        _ => throw new InvalidOperationException($"{id} names no entity that this release has."),
    };

    /// <summary>Has an entity look at itself: it is loaded if it was not, arms its timers, sends what is unsent, and a step offers again.</summary>
    internal void Wake(StreamId stream) => Start(() => Owns(stream) ? WakeAsync(stream) : Task.CompletedTask);

    /// <summary>Hands messages to another entity; returns when they are durable there.</summary>
    internal Task DeliverAsync(StreamId sender, StreamId target, IReadOnlyList<OutboxMessage> messages)
    {
        if (Posts is { } post && !Owns(target)) return post(new Delivery(sender, target, [.. messages.Select(m => new Envelope(sender, m.Sequence, target, m.Message))]));
        return Options.Carrier is { } carry ? carry(target, Deliver) : Deliver();

        Task Deliver() => TakeInAsync(sender, target, messages);
    }

    private async Task TakeInAsync(StreamId sender, StreamId target, IReadOnlyList<OutboxMessage> messages)
    {
        if (messages[0].Message is BeginRun begin)
        {
            await BeginRunAsync(sender, target, begin, messages);
            return;
        }
        var activation = Activate(target);
        if (messages[0].Message is AnnounceEnd end)
        {
            await PublishEndAsync(sender, target, end);
            return;
        }
        if (messages[0].Message is RaiseNotice or WatchRun) activation.AssumeNew(new NoticeEntity(target));
        try
        {
            await activation.Ask<Entity, bool>("system", (Entity entity, in Moment moment) =>
            {
                entity.Receive(sender, messages, moment);
                return true;
            });
        }
        catch (RefusedException refused) when (refused.Kind == RefusalKind.Gone && target.Kind == StreamKind.Run && sender.RunId is null)
        {
            // The run has ended and been archived: it had this before, or it does not matter any more.
        }
    }

    // A schedule and its backfills start an interval's run under one id. Who comes second is told that it was there: before its message counts as delivered, so that it is told again where this is interrupted.
    private async Task BeginRunAsync(StreamId sender, StreamId target, BeginRun begin, IReadOnlyList<OutboxMessage> messages)
    {
        var activation = Activate(target);
        activation.AssumeNew(RunOf(target, await PrepareAsync(target, begin)));
        RunStatus? present;
        try
        {
            present = await activation.Ask<RunEntity, RunStatus?>("system", (RunEntity run, in Moment moment) =>
            {
                run.Receive(sender, messages, moment);
                return run.StartedByOther(begin.Cause);
            });
        }
        catch (RefusedException refused) when (refused.Kind == RefusalKind.Gone)
        {
            // Ended and archived. Whoever started it has heard of its end, unless somebody else is asking.
            present = (await ReadModel.GetRetiredAsync(target.Namespace, target.Name, Stopping))?.Status;
        }
        if (present is { } status && sender.Kind is StreamKind.Schedule or StreamKind.Backfill)
            await DeliverAsync(target, sender, [new OutboxMessage(1, sender, new ReportRun(target.Name, status, WasThere: true))]);
    }

    // A run that does not exist yet has nothing from which its context could be read.
    private async Task<RunContext> PrepareAsync(StreamId run, BeginRun begin)
    {
        var (graph, package) = await Runs.GraphAsync(run.Namespace, begin.Flow, begin.Deployment, Stopping);
        var (parameters, errors) = FlowParameters.Bind(graph.Spec, begin.Parameters);
        if (errors.Count > 0) throw new InvalidOperationException($"{begin.Cause.Actor()} of flow {begin.Flow} gives its runs parameters that deployment {begin.Deployment} does not take: {errors[0].Message}");
        return Runs.Put(run.Namespace, run.Name, new RunContext(graph, begin.Deployment, parameters, package));
    }

    /// <summary>Takes a run for new that is to begin, where nothing has to be read for it and this node has not met it. Where it is there all the same, the append is fenced; this node has met it then, and it is delivered to as others are.</summary>
    internal bool TryBegin(StreamId run, BeginRun begin)
    {
        if (_activations.ContainsKey(run) || Runs.Find(run.Namespace, run.Name) is not null || Runs.FindGraph(run.Namespace, begin.Flow, begin.Deployment) is not var (graph, package)) return false;
        var (parameters, errors) = FlowParameters.Bind(graph.Spec, begin.Parameters);
        if (errors.Count > 0) return false;
        Activate(run).AssumeNew(RunOf(run, Runs.Put(run.Namespace, run.Name, new RunContext(graph, begin.Deployment, parameters, package))));
        return true;
    }

    /// <summary>Reads the graph of a deployment of which a run is about to begin. Where that fails, the run reads it again, and what fails then is said.</summary>
    internal void ReadAhead(string ns, string flow, int deployment)
    {
        if (Runs.FindGraph(ns, flow, deployment) is null) _ = OnLoop(() => Runs.GraphAsync(ns, flow, deployment, Stopping));
    }

    private RunEntity RunOf(StreamId id, RunContext context) => new(id, context, () => IsAwaited(id.Namespace, context.Graph.Spec.Name));

    internal StepEntity StepOf(StreamId id, RunContext context) => context.Graph.TryGet(id.StepKey.Step, out _)
        ? new StepEntity(id, context, Options.LeaseTerm + Dispatcher.RenewEvery(Options.LeaseTerm) + Options.LeaseMargin)
        : throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"The flow has no step '{id.StepKey.Step}'.");

    // Awaited inside: a task that completes its continuations asynchronously would else be unwrapped on the thread pool.
    internal Task<T> OnLoop<T>(Func<Task<T>> work) =>
        Task.Factory.StartNew(async () => await work(), CancellationToken.None, TaskCreationOptions.DenyChildAttach, _scheduler).Unwrap();

    /// <param name="isMissing">Whether some are known that could not be loaded: they are in memory, and asleep.</param>
    private async Task ScanAsync(WakeQuery query, bool isMissing = false)
    {
        var next = Journal.ScanWakesAsync(query, WakesPage, null, Stopping);
        while (await next is { Count: > 0 } page)
        {
            // Read while these are woken.
            next = Journal.ScanWakesAsync(query, WakesPage, page[^1].Stream, Stopping);
            await Task.WhenAll(page.Where(w => !(_activations.TryGetValue(w.Stream, out var known) && (known.IsAwake || !isMissing)) && Owns(w.Stream)).Select(w => WakeAsync(w.Stream)));
        }
    }

    private async Task WakeAsync(StreamId stream)
    {
        try
        {
            await Activate(stream).Ask<Entity, bool>("system", static (Entity entity, in Moment moment) => true);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            _isMissing = true;
            Warn($"{stream} could not be woken, and is tried again: {exception.Message}", stream);
        }
    }

    private async Task KeepHouseAsync()
    {
        var now = Now;
        var clockWasSet = WasClockSet(now);
        var atRest = new List<Activation>();
        foreach (var activation in _activations.Values)
        {
            if (clockWasSet) activation.ArmAgain();
            if (activation.IsAtRest(now)) atRest.Add(activation);
        }
        if (atRest.Count > Options.MostAtRest) atRest.Sort((one, other) => one.LastUsed.CompareTo(other.LastUsed));
        for (var i = 0; i < atRest.Count; i++)
        {
            if (atRest.Count - i <= Options.MostAtRest && Uptime - atRest[i].LastUsed < Options.IdleAfter) continue;
            _activations.Remove(atRest[i].Id);
            atRest[i].Retire();
        }
        Dispatcher.ForgetSilent(now);
        // Not at the start, which is to be quick.
        if (Options.IsMeasured && !_stopping.IsCancellationRequested) _gauges ??= new EngineGauges();
        if (_gauges is { IsWatched: true })
        {
            _gauges.Take(_activations.Values.Select(activation => new EntityInMemory(activation.Id.Kind, activation.Offered, activation.WaitsSince)), Dispatcher.Count(), Failing.Tell(Uptime), _shards?.Count, Uptime);
            Start(CountOpenAsync);
        }
        // What is due before the scan after next is woken now, and waits on a timer of its own. What is due at once was woken when it came, and keeps itself awake; there may be a hundred thousand of it.
        var isWhole = _isMissing || Uptime - _scannedAt >= WholeScanEvery;
        var isMissing = _isMissing;
        if (isWhole)
        {
            (_isMissing, _scannedAt) = (false, Uptime);
            await LearnAwaitedAsync();
        }
        await ScanAsync(new WakeQuery(now + (2 * Options.ScanEvery), Later: isWhole ? null : DateTimeOffset.MinValue), isMissing);
    }

    // Timers run by monotonic time, and what is durable is due by the wall clock.
    private bool WasClockSet(DateTimeOffset now)
    {
        var offset = now - DateTimeOffset.UnixEpoch - Uptime;
        var set = (offset - _clockOffset).Duration() > TimeSpan.FromSeconds(1);
        if (set)
        {
            Warn($"the clock was set by {(offset - _clockOffset).TotalSeconds:0.0} s; leases are not touched by it, delays and timeouts follow it");
            _clockOffset = offset;
        }
        return set;
    }

    // SplitMix64 (Steele, Lea, Flood 2014): seeded, so that a simulation draws the same again.
    private ulong NextEntropy()
    {
        var z = _entropy += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
