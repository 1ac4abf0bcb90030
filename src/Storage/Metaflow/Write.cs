using Fanfare.Contracts;

namespace Fanfare.Storage.Metaflow;

/// <summary>A write that waits for its commit.</summary>
internal abstract class Write(int rows)
{
    public int Rows => rows;

    /// <summary>Hands its answer to who waits for it, once that is durable.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception error);
}

/// <param name="at">When it came, in milliseconds since 1970.</param>
internal sealed class Write<TCommand, TResult>(TCommand command, long at, int rows = 1) : Write(rows)
{
    private readonly TaskCompletionSource<MetaflowAnswer<TResult>> _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MetaflowAnswer<TResult>? _answer;

    public TCommand Command => command;

    public long AtMs => at;

    public long AtS => at / 1000;

    public Task<MetaflowAnswer<TResult>> Completion => _waiting.Task;

    /// <summary>What it is answered if the commit holds.</summary>
    public void Answer(MetaflowAnswer<TResult> answer) => _answer = answer;

    public void Answer(MetaflowOutcome outcome) => _answer = new MetaflowAnswer<TResult>(outcome);

    public override void Complete() => _waiting.TrySetResult(_answer ?? throw new InvalidOperationException($"A write was committed and not answered: {command}"));

    public override void Fail(Exception error) => _waiting.TrySetException(error);
}
