using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>The shell round one entity, the same under every host: loads its stream, decides what is in its mailbox, appends the events
/// of the whole batch at once, and only then answers and lets effects out. Everything runs on the host's scheduler,
/// one thing at a time.</summary>
internal sealed class Activation(StreamId id, EngineNode node)
{
    /// <summary>Commands decided for one append.</summary>
    private const int BatchCommands = 512;

    /// <summary>Events after which a batch is closed.</summary>
    private const int BatchEvents = 4096;

    /// <summary>Messages in one delivery.</summary>
    private const int DeliveryMessages = 4096;

    private readonly Queue<Work> _mailbox = new();
    private readonly HashSet<StreamId> _inFlight = [];
    private readonly List<Waiter> _waiters = [];
    private Entity? _entity;
    private long _epoch;
    private Wake? _wake;
    private bool _retired;
    private bool _running;
    private bool _acknowledging;
    private bool _appending;
    private long _durableOutbox;
    private long _appends;
    private Offer? _offer;
    private ITimer? _timer;
    private TimeSpan? _timerDue;
    private TimeSpan _lastUsed;

    public StreamId Id { get; } = id;

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
        if (_retired) return node.Activate(Id).Until(isSo);
        var waiter = new Waiter(entity => isSo((TEntity)entity));
        _waiters.Add(waiter);
        // Looked at once all that is decided is durable: after this command at the latest.
        Tell(static (TEntity _, in Moment _) => { });
        return waiter.Done.Task;
    }

    /// <summary>Whether nothing would be lost by dropping this activation: a wake row or a command brings it back.</summary>
    public bool IsIdle(DateTimeOffset now) =>
        !_running && _mailbox.Count == 0 && !_acknowledging && _inFlight.Count == 0 && _waiters.Count == 0 && node.Uptime - _lastUsed >= node.Options.IdleAfter
        && (_entity is null || (!_entity.HasOutbox && !(_entity.DurableDue <= now + node.Options.IdleAfter)));

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

    public void Drop()
    {
        _timer?.Dispose();
        _timer = null;
        _timerDue = null;
        _entity = null;
    }

    private void Enqueue(Work work)
    {
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
            while (_mailbox.Count > 0)
            {
                _lastUsed = node.Uptime;
                if (_entity is null && !await LoadAsync()) continue;
                await DecideBatchAsync();
            }
        }
        finally
        {
            _running = false;
        }
    }

    private async Task<bool> LoadAsync()
    {
        try
        {
            var entity = await node.CreateEntityAsync(Id);
            var opened = await node.Journal.OpenAsync(Id, node.Stopping);
            entity.Replay(opened.Events, opened.Acknowledged);
            _durableOutbox = entity.OutboxSequence;
            (_entity, _epoch, _offer) = (entity, opened.Epoch, null);
            _wake = opened.Acknowledged == long.MaxValue ? null : new Wake(DateTimeOffset.MinValue, opened.Acknowledged);
            if (entity is StepEntity { Run: not null } step) step.Activated(node.Uptime);
            entity.Tick(node.MomentOf("system"));
            return true;
        }
        catch (Exception exception)
        {
            // Whoever waits is told; the stream stays as it is in the journal, and the next command tries again.
            Drop();
            while (_mailbox.TryDequeue(out var work)) work.Fail(exception);
            FailWaiters(exception);
            if (exception is not (RefusedException or OperationCanceledException)) node.Warn($"{Id} could not be opened: {exception.Message}");
            return false;
        }
    }

    private async Task DecideBatchAsync()
    {
        var entity = _entity!;
        var batch = new List<Work>(Math.Min(_mailbox.Count, BatchCommands));
        while (batch.Count < BatchCommands && entity.DecidedCount < BatchEvents && _mailbox.TryDequeue(out var work))
        {
            try
            {
                work.Decide(entity, node.MomentOf(work.Actor));
                batch.Add(work);
            }
            catch (RefusedException refused)
            {
                work.Fail(refused);
            }
            catch (Exception exception)
            {
                // A broken invariant, or one that the journal will tell more of: nothing decided in this batch may become durable. The rest of it is decided anew.
                if (exception is not StaleStateException) node.Warn($"{Id} stopped: {exception}");
                work.Fail(exception);
                Reload(batch);
                return;
            }
        }
        var (events, rows) = entity.TakeDecided();
        if (events.Count > 0)
        {
            var wake = entity.WakeRow;
            AppendOutcome outcome;
            _appends++;
            _appending = true;
            try
            {
                outcome = await node.Journal.AppendAsync(new Append
                {
                    Stream = Id,
                    ExpectedSequence = events[0].Sequence - 1,
                    Epoch = _epoch,
                    Events = events,
                    Rows = rows,
                    Wake = wake,
                });
            }
            catch (Exception exception)
            {
                Drop();
                foreach (var work in batch) work.Fail(exception);
                FailWaiters(exception);
                node.Warn($"{Id} could not append: {exception.Message}");
                node.Start(WakeLaterAsync);
                return;
            }
            finally
            {
                _appending = false;
            }
            if (outcome == AppendOutcome.Fenced)
            {
                Reload(batch);
                return;
            }
            _wake = wake;
        }
        foreach (var work in batch) work.Complete();
        LetEffectsOut(entity);
    }

    // Nothing of the batch was answered or let out, so all of it may be decided again on the reloaded state.
    private void Reload(List<Work> batch)
    {
        Drop();
        var waiting = _mailbox.ToArray();
        _mailbox.Clear();
        foreach (var work in batch.Concat(waiting)) _mailbox.Enqueue(work);
    }

    private void FailWaiters(Exception exception)
    {
        foreach (var waiter in _waiters) waiter.Done.TrySetException(exception);
        _waiters.Clear();
    }

    private void LetEffectsOut(Entity entity)
    {
        _durableOutbox = entity.OutboxSequence;
        if (_waiters.Count > 0) _waiters.RemoveAll(w => w.IsOver(entity));
        if (entity is StepEntity { Run: not null } step)
        {
            foreach (var effect in step.TakeEffects()) node.Dispatcher.Carry(effect);
            var offer = step.Offer;
            // Offered again after every change, and after every pick: the queue took off what it had picked.
            if (offer != _offer || offer.Ready > 0)
            {
                _offer = offer;
                node.Dispatcher.Put(offer);
            }
        }
        foreach (var target in entity.TakeUnsent()) Deliver(entity, target);
        ArmTimer(entity);
        AcknowledgeIfQuiet(entity);
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
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !node.Stopping.IsCancellationRequested)
            {
                if (++failures == 1 && exception is not RefusedException { Kind: RefusalKind.Busy }) node.Warn($"{Id} could not deliver to {target}, and tries on: {exception.Message}");
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

    // The wake row that an append wrote may say "at once" for messages that have been delivered since.
    private void AcknowledgeIfQuiet(Entity entity)
    {
        if (_acknowledging || !HasStaleWake(entity)) return;
        _acknowledging = true;
        node.Start(() => AcknowledgeAsync(entity));
    }

    private bool HasStaleWake(Entity entity) =>
        !_appending && ReferenceEquals(entity, _entity) && _wake is { } written && _mailbox.Count == 0 && !entity.HasOutbox && entity.WakeRow?.Due != written.Due;

    private async Task AcknowledgeAsync(Entity entity)
    {
        try
        {
            // Asked again: an append may have begun since, and its row, which may be due at once, must not be written over.
            if (!HasStaleWake(entity)) return;
            var wake = entity.WakeRow;
            var appends = _appends;
            await node.Journal.AcknowledgeAsync(Id, _epoch, wake);
            // An append that came between wrote a row of its own after this one, and _wake is that.
            if (appends == _appends) _wake = wake;
        }
        catch (Exception exception)
        {
            node.Warn($"{Id} could not clear its wake row, which costs one needless wake: {exception.Message}");
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
