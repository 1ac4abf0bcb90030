using Fanfare.Chaos.Sites;

namespace Fanfare.Chaos.Checks;

/// <summary>What the journal says of one attempt.</summary>
/// <param name="End">The event that ended it; null when none did.</param>
internal sealed record AttemptFate(Recorded Lease, TaskLeased Leased, string Run, string Task, Recorded? End)
{
    public (string Run, string Task, int Attempt) Of => (Run, Task, Leased.Attempt);

    /// <summary>Why it failed, whether that was caught or not.</summary>
    public TaskError? Error => End?.Entry.Event switch
    {
        TaskFailed failed => failed.Error,
        TaskSucceeded succeeded => succeeded.Caught,
        _ => null,
    };

    public bool Succeeded => End?.Entry.Event is TaskSucceeded { Caught: null };

    public AttemptStatus Status => End?.Entry.Event switch
    {
        null => AttemptStatus.Running,
        TaskSucceeded { Caught: null } => AttemptStatus.Succeeded,
        TaskSucceeded or TaskFailed => AttemptStatus.Failed,
        TaskLost => AttemptStatus.Lost,
        _ => AttemptStatus.Cancelled,
    };

    /// <summary>All attempts that were leased, in the order of their leases.</summary>
    public static IReadOnlyList<AttemptFate> AllOf(Reading reading)
    {
        var (fates, open) = (new List<AttemptFate>(), new Dictionary<(StreamId, int, int), int>());
        foreach (var recorded in reading.Events)
        {
            if (recorded.Entry.Event is TaskLeased leased)
            {
                open[(recorded.Stream, leased.Split, leased.Attempt)] = fates.Count;
                fates.Add(new AttemptFate(recorded, leased, recorded.Stream.RunId!, reading.NameOf(recorded.Stream, leased.Split), null));
                continue;
            }
            (int Split, int Attempt)? ended = recorded.Entry.Event switch
            {
                TaskSucceeded e => (e.Split, e.Attempt),
                TaskFailed e => (e.Split, e.Attempt),
                TaskLost e => (e.Split, e.Attempt),
                TaskCancelled e => (e.Split, e.Attempt),
                _ => null,
            };
            if (ended is { } of && open.Remove((recorded.Stream, of.Split, of.Attempt), out var at)) fates[at] = fates[at] with { End = recorded };
        }
        return fates;
    }
}
