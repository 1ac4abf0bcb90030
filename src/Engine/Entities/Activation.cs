using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>The shell round one entity, the same under every host: loads its stream, decides what is in its mailbox, appends the events
/// of the whole batch at once, and only then answers and lets effects out. Whom it sends messages is taken along, where that is to be had without waiting, and
/// what they decide on them is part of the same append. While an append is under way, the next batch is decided on the state that
/// the append will have made durable. A large one follows at once, and the journal takes it only after the one before; a small one is appended when that one has landed. Both are decided anew
/// when it does not. Everything runs on the host's scheduler, one thing at a time.</summary>
internal sealed partial class Activation(StreamId id, EngineNode node)
{
    /// <summary>Commands decided for one append.</summary>
    private const int BatchCommands = 512;

    /// <summary>Events after which a batch is closed.</summary>
    private const int BatchEvents = 4096;

    /// <summary>Appends under way at a time. With one, the database waits while the engine decides what follows; a third would only wait there instead of here.</summary>
    private const int MostFlights = 2;

    /// <summary>Messages in one delivery.</summary>
    private const int DeliveryMessages = 4096;

    private readonly Queue<Work> _mailbox = new();
    private readonly HashSet<StreamId> _inFlight = [];
    private readonly List<Waiter> _waiters = [];
    private readonly List<Work> _decided = [];
    private readonly List<Flight> _flights = [];
    private readonly List<Work> _grounded = [];
    private Entity? _entity;
    private long _epoch;
    private Wake? _wake;
    private long _trimmedTo;
    private bool _retired;
    private RefusedException? _left;
    private bool _running;
    private bool _acknowledging;
    private long _durableOutbox;
    private long _appends;
    private Offer? _offer;
    private ITimer? _timer;
    private TimeSpan? _timerDue;

    public StreamId Id { get; } = id;

    /// <summary>What the dispatcher was told of a step last; null where it is told nothing.</summary>
    public Offer? Offered => _entity is null ? null : _offer;

    /// <summary>When it last had something to do, by the node's uptime.</summary>
    public TimeSpan LastUsed { get; private set; }

    public Task<TReply> Ask<TEntity, TReply>(string actor, Decision<TEntity, TReply> decide)
        where TEntity : Entity
    {
        var work = new Work<TEntity, TReply>(actor, decide);
        Enqueue(work);
        return work.Done;
    }

    /// <summary>Gives it a command that nobody waits for.</summary>
    public void Tell<TEntity>(Errand<TEntity>.Act act)
        where TEntity : Entity => Enqueue(new Errand<TEntity>("system", act));

    /// <summary>Returns when the entity's durable state is so.</summary>
    public Task Until<TEntity>(Func<TEntity, bool> isSo)
        where TEntity : Entity
    {
        if (_left is { } moved) return Task.FromException(moved);
        if (_retired) return node.Activate(Id).Until(isSo);
        var waiter = new Waiter(entity => isSo((TEntity)entity));
        _waiters.Add(waiter);
        // Looked at once all that is decided is durable: after this command at the latest.
        Tell(static (TEntity _, in Moment _) => { });
        return waiter.Done.Task;
    }

    /// <summary>Whether nothing would be lost by dropping this activation: a wake row or a command brings it back.</summary>
    public bool IsAtRest(DateTimeOffset now) =>
        !_running && _mailbox.Count == 0 && _decided.Count == 0 && _flights.Count == 0 && !_acknowledging && _inFlight.Count == 0 && _waiters.Count == 0
        && (_entity is null || (!_entity.HasOutbox && !(_entity.DurableDue <= now + node.Options.IdleAfter)));

    /// <summary>Whether it goes on by itself; one that could not be loaded does not.</summary>
    public bool IsAwake => _entity is not null || _running || _flights.Count > 0;

    /// <summary>The wall clock was set: what is due by it is due at another time than the timer was armed for.</summary>
    public void ArmAgain()
    {
        _timerDue = null;
        if (_entity is { } entity) ArmTimer(entity);
    }

    /// <summary>Puts it out of memory for good: whoever still holds it is sent on to the stream's next activation, since two of one stream
    /// would fence each other for ever.</summary>
    public void Retire()
    {
        _retired = true;
        Drop();
    }

    /// <summary>Its stream is another node's: puts it out of memory, and refuses what waits and what comes.</summary>
    public void Leave(RefusedException moved)
    {
        _left = moved;
        Retire();
        FailAll(moved);
    }

    public void Drop()
    {
        _timer?.Dispose();
        _timer = null;
        _timerDue = null;
        _entity = null;
        _waits = null;
    }

    public void Enqueue(Work work)
    {
        if (_left is { } moved)
        {
            work.Fail(moved);
            return;
        }
        if (_retired)
        {
            node.Activate(Id).Enqueue(work);
            return;
        }
        _mailbox.Enqueue(work);
        if (_running) return;
        _running = true;
        node.Start(RunAsync);
    }

    private async Task RunAsync()
    {
        try
        {
            if (_left is { } moved) FailAll(moved);
            while (_entity is not null || (_mailbox.Count > 0 && _flights.Count == 0))
            {
                LastUsed = node.Uptime;
                if (_entity is null && !await LoadAsync()) continue;
                DecideAll();
                TakeOff();
                if (_entity is not null && (_mailbox.Count == 0 || IsFull)) break;
            }
        }
        finally
        {
            _running = false;
        }
    }

    private bool IsFull => _decided.Count >= BatchCommands || _entity!.DecidedCount >= BatchEvents;

    private async Task<bool> LoadAsync()
    {
        try
        {
            var opened = await node.Journal.OpenAsync(Id, node.Stopping);
            var entity = await node.CreateEntityAsync(Id, opened.Events);
            if (_left is not null) throw _left;
            Adopt(entity, opened);
            return true;
        }
        catch (Exception exception)
        {
            // Whoever waits is told; the stream stays as it is in the journal, and the next command tries again.
            Drop();
            FailAll(exception);
            if (exception is not (RefusedException or OperationCanceledException)) node.Warn($"{Id} could not be opened: {exception.Message}", Id);
            return false;
        }
    }

    private void Adopt(Entity entity, OpenedStream opened)
    {
        entity.Replay(opened.Events, opened.Acknowledged);
        StartTrail(entity, opened.Events);
        _durableOutbox = entity.OutboxSequence;
        _trimmedTo = entity.CarriedAt;
        (_entity, _epoch, _offer) = (entity, opened.Epoch, null);
        _wake = opened.Acknowledged == long.MaxValue ? null : new Wake(DateTimeOffset.MinValue, opened.Acknowledged);
        if (entity is StepEntity { Run: not null } step)
        {
            step.Activated(node.Uptime);
            StartWaits(step, opened.Events[^1].At);
        }
        // One whose append failed may be there all the same.
        if (entity is FlowEntity { Latest: > 0 } flow) node.Runs.SetVersions(Id.Namespace, Id.Name, FlowVersions.Of(flow));
        // Loaded for its next time, mostly: the run that it begins then is not to wait for this.
        if (entity is ScheduleEntity { Deployment: > 0 } schedule) node.ReadAhead(Id.Namespace, Id.ScheduleName.Flow, schedule.Deployment);
        entity.Tick(node.MomentOf("system"));
    }

    private void DecideAll()
    {
        while (_entity is not null && !IsFull && _mailbox.TryDequeue(out var work)) Decide(_entity, work);
    }

    private void Decide(Entity entity, Work work)
    {
        try
        {
            work.Decide(entity, node.MomentOf(work.Actor));
            _decided.Add(work);
        }
        catch (RefusedException refused)
        {
            work.Fail(refused);
        }
        catch (Exception exception)
        {
            work.Fail(exception);
            Stop(exception);
        }
    }

    // A broken invariant, or one that the journal will tell more of: nothing decided in this batch may become durable. The rest of it is decided anew.
    private void Stop(Exception exception)
    {
        if (exception is not StaleStateException) node.Warn($"{Id} stopped: {exception}", Id);
        DecideAnew();
    }

    // Appends what was decided, unless an append before is still under way and there is too little to go beside it.
    private void TakeOff()
    {
        if (_entity is not { } entity || (_flights.Count > 0 && (_flights.Count == MostFlights || entity.DecidedCount < node.Options.HeavyAppend))) return;
        LeaseAhead(entity);
        if (!ReferenceEquals(entity, _entity)) return;
        if (entity.DecidedCount == 0)
        {
            Land(LegOf(entity, entity.TakeUnsent()));
            return;
        }
        var flight = new Flight();
        Board(flight, entity);
        node.Watch(FlyAsync(flight));
    }

    // Takes what was decided into the flight, and along with it those to whom it leads on: what they make of its messages is durable when the messages are.
    private void Board(Flight flight, Entity entity)
    {
        flight.Follow(_flights);
        _flights.Add(flight);
        _appends++;
        var seat = flight.Take();
        var unsent = entity.TakeUnsent();
        // Steps first: a task may wait for what they hear, and nobody for what the run does.
        if (unsent.Count > 0) unsent = [.. unsent.OrderBy(target => target.Kind == StreamKind.Run).Where(target => !TakesAlong(flight, entity, target))];
        flight[seat] = LegOf(entity, unsent);
    }

    private Leg LegOf(Entity entity, IReadOnlyList<StreamId> unsent)
    {
        var (events, rows) = entity.TakeDecided();
        var append = new Append
        {
            Stream = Id,
            ExpectedSequence = entity.Sequence - events.Count,
            Epoch = _epoch,
            Events = events,
            Rows = rows,
            Wake = entity.WakeRow,
        };
        var leg = new Leg(this, entity, [.. _decided], append, entity.OutboxSequence, entity is StepEntity step ? step.TakeEffects() : [], unsent)
        {
            Ready = entity is StepEntity { Run: not null } opened ? Math.Max(0, opened.Ready) : 0,
            DecidedAt = node.Uptime,
        };
        _decided.Clear();
        return leg;
    }

    private bool TakesAlong(Flight flight, Entity entity, StreamId target)
    {
        if (flight.IsFull || _inFlight.Contains(target) || !node.Owns(target) || node.Options.IsApart?.Invoke(target) is true) return false;
        var messages = entity.OutboxTo(target, DeliveryMessages + 1);
        if (messages.Count > DeliveryMessages) return false;
        // One that was to begin before may have begun, and whether it has is asked when it is delivered.
        if (messages is [{ Message: BeginRun begin } first, ..] && (first.Sequence <= _durableOutbox || !node.TryBegin(target, begin))) return false;
        if (!node.Activate(target).ComesAlong(flight, Id, messages)) return false;
        entity.Acknowledge(target, messages[^1].Sequence);
        return true;
    }

    // Takes messages of a flight that is about to leave, and boards it with what they lead to. False when they have to be delivered afterwards: it is at
    // something else, or not in memory, or does not take them now.
    private bool ComesAlong(Flight flight, StreamId sender, IReadOnlyList<OutboxMessage> messages)
    {
        if (_running || _flights.Count > 0 || _mailbox.Count > 0 || _decided.Count > 0 || (_entity ?? LoadNew()) is not { DecidedCount: 0 } entity) return false;
        LastUsed = node.Uptime;
        var takes = true;
        try
        {
            entity.Receive(sender, messages, node.MomentOf("system"));
        }
        catch (RefusedException)
        {
            takes = false;
        }
        catch (Exception exception)
        {
            Stop(exception);
        }
        if (ReferenceEquals(entity, _entity)) LeaseAhead(entity);
        if (!ReferenceEquals(entity, _entity))
        {
            GoOn();
            return false;
        }
        // What it took before it refused the rest leaves with the flight all the same: without the flight, it was never sent.
        if (entity.DecidedCount > 0) Board(flight, entity);
        return takes;
    }

    /// <summary>Takes the stream for new, without a look at it. Where it is not, the first append is fenced, and it is read after all.</summary>
    /// <param name="entity">Of the stream, as yet without an event.</param>
    public void AssumeNew(Entity entity)
    {
        if (_retired || _running || _entity is not null || _flights.Count > 0 || _mailbox.Count > 0) return;
        Adopt(entity, node.Journal.AssumeNew(Id));
    }

    // A step that certainly has no event yet, of a run that is known: nothing has to be read for it.
    private Entity? LoadNew()
    {
        if (Id.Kind != StreamKind.Step || node.Runs.Find(Id.Namespace, Id.RunId!) is not { } context || node.Journal.TryOpenNew(Id) is not { } opened) return null;
        Adopt(node.StepOf(Id, context), opened);
        return _entity;
    }

    private async Task FlyAsync(Flight flight)
    {
        var (outcome, failure) = (AppendOutcome.Fenced, (Exception?)null);
        try
        {
            outcome = await node.Journal.AppendAsync(flight.Appends);
        }
        catch (Exception exception)
        {
            failure = exception;
        }
        // What the one before made durable is let out before what follows from it.
        await flight.OthersDown();
        // All of them, before one goes on and would take another along that is not down yet.
        foreach (var leg in flight.Legs) leg.Activation._flights.Remove(flight);
        flight.IsDown();
        foreach (var leg in flight.Legs) leg.Activation.Arrive(leg, outcome, failure);
        foreach (var leg in flight.Legs) leg.Activation.GoOn();
    }

    private void Arrive(Leg leg, AppendOutcome outcome, Exception? failure)
    {
        if (failure is not null || outcome == AppendOutcome.Fenced) _mayHaveMissed = true;
        if (failure is not null)
        {
            DecideAnew();
            foreach (var work in leg.Works) work.Fail(failure);
            FailWaiters(failure);
            node.Warn($"{Id} could not append: {failure.Message}", Id);
            node.Start(WakeLaterAsync);
        }
        else if (outcome == AppendOutcome.Fenced)
        {
            DecideAnew();
            _grounded.AddRange(leg.Works);
        }
        else
        {
            _wake = leg.Append.Wake;
            Land(leg);
        }
        if (_flights.Count == 0) DecideGrounded();
    }

    // Decides and appends what has come meanwhile.
    private void GoOn()
    {
        if (_running || (_mailbox.Count == 0 && _decided.Count == 0 && _entity is not { DecidedCount: > 0 })) return;
        _running = true;
        node.Watch(RunAsync());
    }

    // What this batch made ready, and polls wait for, is leased by the append that makes it ready.
    private void LeaseAhead(Entity entity)
    {
        if (entity.DecidedCount == 0 || entity is not StepEntity { Run: not null, Ready: > 0 } step) return;
        foreach (var work in node.Dispatcher.PutAhead(step.Offer))
        {
            if (ReferenceEquals(entity, _entity)) Decide(entity, work);
            else _mailbox.Enqueue(work);
        }
    }

    // Nothing of what is decided was answered or let out, so all of it may be decided again on the reloaded state.
    private void DecideAnew()
    {
        Drop();
        PutFirst(_decided);
    }

    // What came down with an append that failed was given before all that waits. It is decided once nothing is under way, and the stream can be read.
    private void DecideGrounded() => PutFirst(_grounded);

    private void PutFirst(List<Work> works)
    {
        if (works.Count == 0) return;
        var waiting = _mailbox.ToArray();
        _mailbox.Clear();
        foreach (var work in works.Concat(waiting)) _mailbox.Enqueue(work);
        works.Clear();
    }

    private void FailAll(Exception exception)
    {
        foreach (var work in _decided.Concat(_grounded)) work.Fail(exception);
        _decided.Clear();
        _grounded.Clear();
        while (_mailbox.TryDequeue(out var work)) work.Fail(exception);
        FailWaiters(exception);
    }

    private void FailWaiters(Exception exception)
    {
        foreach (var waiter in _waiters) waiter.Done.TrySetException(exception);
        _waiters.Clear();
    }

    // Durable: answers, and lets effects out.
    private void Land(Leg leg)
    {
        foreach (var work in leg.Works) work.Complete();
        Observe(leg);
        // Where the stream went to another node, that one's state says it again.
        if (_left is not null) return;
        foreach (var effect in leg.Effects) node.Dispatcher.Carry(effect);
        // Dropped meanwhile: the state that is loaded next arms the timers and sends what is unsent.
        if (_entity is not { } entity || !ReferenceEquals(entity, leg.Entity)) return;
        _durableOutbox = leg.Outbox;
        TimeWaits(leg);
        LetGo(entity);
        if (entity is StepEntity { Run: not null } step)
        {
            var offer = step.Offer;
            // Offered again after every change, and after every pick: the queue took off what it had picked.
            if (offer != _offer || offer.Ready > 0)
            {
                _offer = offer;
                node.Dispatcher.Put(offer);
            }
        }
        foreach (var target in leg.Unsent) Deliver(entity, target);
        if (entity is NoticeEntity notice && entity.DecidedCount == 0 && _flights.Count == 0) node.Attend(this, notice);
        if (entity is PoolEntity { IsActive: true }) node.Keep(Id);
        ArmTimer(entity);
        AcknowledgeIfQuiet(entity);
    }

    // Whoever waits for a state that is durable as a whole, and this is it.
    private void LetGo(Entity entity)
    {
        if (_waiters.Count > 0 && entity.DecidedCount == 0 && _flights.Count == 0) _waiters.RemoveAll(w => w.IsOver(entity));
    }

    private void Deliver(Entity entity, StreamId target)
    {
        if (_inFlight.Add(target)) node.Start(() => DeliverAsync(entity, target));
    }

    // One delivery to a target at a time keeps its messages in order: a receiver drops what is below its watermark.
    private async Task DeliverAsync(Entity entity, StreamId target)
    {
        var failures = 0;
        while (ReferenceEquals(entity, _entity))
        {
            // Not what a batch under way has added: it may come to nothing, and its own end sends it.
            var messages = entity.OutboxTo(target, DeliveryMessages, _durableOutbox);
            if (messages.Count == 0) break;
            try
            {
                await node.DeliverAsync(Id, target, messages);
                failures = 0;
                entity.Acknowledge(target, messages[^1].Sequence);
                if (ReferenceEquals(entity, _entity)) LetGo(entity);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !node.Stopping.IsCancellationRequested)
            {
                if (++failures == 1 && exception is not RefusedException { Kind: RefusalKind.Busy }) node.Warn($"{Id} could not deliver to {target}, and tries on: {exception.Message}", Id);
                await node.DelayAsync(TimeSpan.FromMilliseconds(Math.Min(50 << Math.Min(failures, 7), 5000)));
            }
        }
        _inFlight.Remove(target);
        if (!ReferenceEquals(entity, _entity))
        {
            // Reloaded meanwhile: the new state sends what is still unacknowledged.
            if (_entity is { } current && current.OutboxTo(target, 1, _durableOutbox).Count > 0) Deliver(current, target);
            return;
        }
        AcknowledgeIfQuiet(entity);
    }

    // The wake row that an append wrote may say "at once" for messages that have been delivered since; and what a durable event makes needless can go, once nothing is under way of which the store's answer is not known.
    private void AcknowledgeIfQuiet(Entity entity)
    {
        if (_acknowledging || !(HasStaleWake(entity) || HasNeedless(entity))) return;
        _acknowledging = true;
        node.Start(() => AcknowledgeAsync(entity));
    }

    private bool HasStaleWake(Entity entity) => IsQuiet(entity) && _wake is { } written && entity.WakeRow?.Due != written.Due;

    private bool HasNeedless(Entity entity) => entity.CarriedAt > _trimmedTo && IsQuiet(entity);

    private bool IsQuiet(Entity entity) => _flights.Count == 0 && _decided.Count == 0 && ReferenceEquals(entity, _entity) && _mailbox.Count == 0 && !entity.HasOutbox;

    private async Task AcknowledgeAsync(Entity entity)
    {
        try
        {
            // Asked again: an append may have begun since, and its row, which may be due at once, must not be written over.
            var carried = entity.CarriedAt > _trimmedTo ? entity.CarriedAt : (long?)null;
            if (!HasStaleWake(entity) && !HasNeedless(entity)) return;
            var wake = entity.WakeRow;
            var appends = _appends;
            if (await node.Journal.AcknowledgeAsync(Id, _epoch, wake, carried) == AppendOutcome.Committed) _trimmedTo = carried ?? _trimmedTo;
            // An append that came between wrote a row of its own after this one, and _wake is that.
            if (appends == _appends) _wake = wake;
        }
        catch (Exception exception)
        {
            node.Warn($"{Id} could not clear its wake row, which costs one needless wake: {exception.Message}", Id);
        }
        finally
        {
            _acknowledging = false;
        }
    }

    private void ArmTimer(Entity entity)
    {
        var uptime = node.Uptime;
        if (entity.TickAfter(node.Now, uptime) is not { } delay) return;
        if (delay < TimeSpan.Zero) delay = TimeSpan.Zero;
        // The system timer takes at most 49 days; a longer wait is armed again on the way.
        if (delay > TimeSpan.FromDays(30)) delay = TimeSpan.FromDays(30);
        var due = uptime + delay;
        if (_timerDue is { } armed && armed <= due) return;
        _timerDue = due;
        _timer?.Dispose();
        _timer = node.Clock.CreateTimer(_ => node.Start(OnTimerAsync), null, delay, Timeout.InfiniteTimeSpan);
    }

    private Task OnTimerAsync()
    {
        _timerDue = null;
        Tell(static (Entity entity, in Moment moment) => entity.Tick(moment));
        return Task.CompletedTask;
    }

    // The store refused what this entity had decided, and may have it all the same. Its timers, offers and messages went with the state.
    private async Task WakeLaterAsync()
    {
        await node.DelayAsync(TimeSpan.FromSeconds(1));
        node.Wake(Id);
    }

    /// <summary>Somebody who waits for the entity's state to be so.</summary>
    private sealed record Waiter(Func<Entity, bool> IsSo)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsOver(Entity entity) => IsSo(entity) && Done.TrySetResult();
    }
}
