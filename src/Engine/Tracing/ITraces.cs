using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>Takes what traces are made of: attempts and runs that have ended, once that is durable. After a takeover it is told again of what ended shortly before, which may not have got out; the ids (<see cref="TraceIds"/>) are the same again.
/// Called on the engine's loop: it must be quick, must not throw, and must not wait.</summary>
public interface ITraces
{
    /// <summary>Whether the run's trace is kept. It follows from the trace's id, so that every node says the same.</summary>
    bool IsSampled(string ns, string run);

    void Ended(AttemptTrace attempt);

    void Ended(RunTrace run);
}

/// <summary>One attempt at a task, from when it could start to its end.</summary>
/// <param name="Name">As people write the task, <c>train[3,1]</c>.</param>
/// <param name="Attempt">Its number, from 0.</param>
/// <param name="Run">Which run it is of; its generation is the one in which the attempt was leased.</param>
/// <param name="ReadyAt">From when it could have started, were a worker there.</param>
/// <param name="LeasedAt">When a worker got it.</param>
/// <param name="StartedAt">When its process started, by the worker's clock; null where nobody has said.</param>
/// <param name="EndedAt">By the worker's clock, or when it was given up.</param>
/// <param name="Outcome"><c>succeeded</c>, <c>failed</c>, <c>lost</c> or <c>cancelled</c>.</param>
/// <param name="Error">Of one that failed or was lost.</param>
public sealed record AttemptTrace(
    TaskRef Task, string Name, int Attempt, RunInfo Run, string Queue, string Worker, DateTimeOffset ReadyAt, DateTimeOffset LeasedAt, DateTimeOffset? StartedAt, DateTimeOffset EndedAt,
    string Outcome, TaskError? Error);

/// <summary>A run, or one of its retries, from its start to its end.</summary>
/// <param name="Generation">0 for the run itself; its retries are counted from 1.</param>
public sealed record RunTrace(string Namespace, string Run, string Flow, int Deployment, int Generation, DateTimeOffset StartedAt, DateTimeOffset EndedAt, RunStatus Status, TaskError? Error);
