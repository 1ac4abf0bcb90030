using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>The step's first event.</summary>
public sealed record StepOpened(RunInfo Run, StepKey Key) : Event;

/// <summary>Splits of the step are ready, because <paramref name="Source"/> finished them.</summary>
/// <param name="OutputBytes">Bytes of output that the source's tasks put out for these splits, together.</param>
/// <param name="Items">What the foreach around the step goes over; null outside any.</param>
public sealed record SplitsArrived(StepKey Source, SplitRanges Splits, long OutputBytes, ForeachItems? Items = null) : ReceivedEvent;

/// <summary>A foreach opened this step, <paramref name="Count"/> splits wide; all are ready.</summary>
public sealed record ForeachOpened(StepKey Opener, int OpenerSplit, int Count, ForeachItems Items, long OutputBytes) : ReceivedEvent;

/// <summary>Members of a split reached the join task <paramref name="Split"/>.</summary>
/// <param name="Members">Splits of the foreach, or the branch number of a static split, that succeeded.</param>
/// <param name="Failed">Those that failed for good.</param>
public sealed record MembersArrived(int Split, StepKey Source, SplitRanges Members, SplitRanges Failed, long OutputBytes, ForeachItems? Items = null) : ReceivedEvent;

/// <summary>How many members the join task <paramref name="Split"/> waits for.</summary>
/// <param name="Items">What the foreach around the join goes over; null outside any.</param>
public sealed record MembersExpected(int Split, StepKey Opener, int Count, ForeachItems? Items = null) : ReceivedEvent;

/// <summary>A worker got a lease on an attempt. The token is the attempt's fence, unique in the cluster:
/// <c>stream hash.sequence.attempt.incarnation</c>.</summary>
public sealed record TaskLeased(int Split, int Attempt, string Token, string Worker, string Boot) : Event;

/// <param name="StartedAt">By the worker's clock.</param>
/// <param name="Output">JSON object; null when empty.</param>
/// <param name="Chosen">Step that a switch chose; null without a switch.</param>
/// <param name="Items">What a foreach goes over; null without one.</param>
/// <param name="Count">Splits of the foreach.</param>
/// <param name="Caught">The error that <c>catch</c> turned into this success.</param>
public sealed record TaskSucceeded(
    int Split, int Attempt, DateTimeOffset StartedAt, DateTimeOffset EndedAt, string? Output,
    string? Chosen = null, ForeachItems? Items = null, int Count = 0, TaskError? Caught = null,
    IReadOnlyList<Artifact>? Artifacts = null) : Event;

/// <summary>The attempt failed by the user's doing.</summary>
/// <param name="RetryAt">When the next attempt may start; null when it was the last.</param>
public sealed record TaskFailed(int Split, int Attempt, DateTimeOffset? StartedAt, DateTimeOffset EndedAt, TaskError Error, DateTimeOffset? RetryAt) : Event;

/// <summary>The attempt was lost by the platform: worker died, lease expired.</summary>
public sealed record TaskLost(int Split, int Attempt, string Reason, DateTimeOffset? RetryAt) : Event;

/// <summary>The task ended because its run, its step or its split was cancelled. Attempt -1: it never started.</summary>
public sealed record TaskCancelled(int Split, int Attempt) : Event;

/// <summary>An operator asked to end the running attempt; it then counts as a user failure.</summary>
public sealed record TaskKillRequested(int Split, int Attempt) : Event;

/// <summary>An operator sent the task back to the start, with fresh budgets.</summary>
public sealed record TaskRetried(int Split) : Event;

/// <summary>An operator declared the task done, with the output given.</summary>
public sealed record TaskSkipped(
    int Split, string? Output, string? Chosen = null, ForeachItems? Items = null, int Count = 0) : Event;

/// <summary>A result came under a token that is not the current attempt's.</summary>
public sealed record ResultRefused(int Split, string Token, string Worker) : Event;

/// <summary>Nothing of the step starts until it is resumed; what runs goes on.</summary>
/// <param name="Reports">True when the step tells its run of it; null in journals written before it did.</param>
public sealed record StepPaused(bool? Reports = null) : ReceivedEvent;

public sealed record StepResumed : ReceivedEvent;

/// <summary>Nothing of the step starts any more, and what runs is being ended. With <paramref name="Split"/> only within
/// that split of the step's foreach.</summary>
public sealed record StepCancelled(int? Split) : ReceivedEvent;

/// <summary>The step takes part again, in a new generation of its run: tasks that failed or were cancelled are ready. When it is
/// one of the steps <paramref name="Reset"/>, all its tasks are ready again but those whose input came from a
/// step of <paramref name="Reset"/>; they wait for it anew.</summary>
public sealed record StepRetried(int Generation, IReadOnlyList<string> Reset) : ReceivedEvent;

/// <summary>What a foreach goes over, as the journal keeps it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(RangeItems), "range")]
[JsonDerivedType(typeof(ListItems), "list")]
[JsonDerivedType(typeof(FileItems), "file")]
public abstract record ForeachItems;

/// <summary>Item i is Start + i * Step.</summary>
public sealed record RangeItems(long Start, long Step) : ForeachItems;

/// <summary>The items are the list in output <paramref name="Output"/> of the opening task.</summary>
public sealed record ListItems(string Output) : ForeachItems;

/// <summary>The items are lines of a JSON Lines blob; its index blob holds the byte offset of every
/// <see cref="LinesPerChunk"/>th line as little-endian 64-bit integers.</summary>
public sealed record FileItems(string Blob, string Index, int LinesPerChunk) : ForeachItems;

/// <summary>A file that an accepted attempt published.</summary>
/// <param name="Name">Relative path with forward slashes.</param>
public sealed record Artifact(string Name, long Bytes);
