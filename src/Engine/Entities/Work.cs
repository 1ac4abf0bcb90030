using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>A command in an entity's mailbox, and who waits for its outcome.</summary>
internal abstract class Work(string actor)
{
    public string Actor { get; } = actor;

    /// <summary>Decides on the entity. May run again, after a reload, when its events could not be appended.</summary>
    public abstract void Decide(Entity entity, in Moment moment);

    /// <summary>The events are durable: answers.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception exception);
}

/// <summary>A command that nobody waits for. When it fails, the activation says so and wakes again, and what was to be done follows from the
/// state that it then has.</summary>
internal sealed class Errand<TEntity>(string actor, Errand<TEntity>.Act act) : Work(actor)
    where TEntity : Entity
{
    public delegate void Act(TEntity entity, in Moment moment);

    public override void Decide(Entity entity, in Moment moment) => act((TEntity)entity, moment);

    public override void Complete()
    {
    }

    public override void Fail(Exception exception)
    {
    }
}

internal delegate TReply Decision<in TEntity, out TReply>(TEntity entity, in Moment moment)
    where TEntity : Entity;

internal sealed class Work<TEntity, TReply>(string actor, Decision<TEntity, TReply> decide) : Work(actor)
    where TEntity : Entity
{
    private readonly TaskCompletionSource<TReply> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TReply? _reply;

    public Task<TReply> Done => _done.Task;

    public override void Decide(Entity entity, in Moment moment) => _reply = decide((TEntity)entity, moment);

    public override void Complete() => _done.TrySetResult(_reply!);

    public override void Fail(Exception exception) => _done.TrySetException(exception);
}
