namespace Fanfare.Chaos.Sites;

/// <summary>All that a store holds: every event in commit order, and the rows that were written with them.</summary>
/// <param name="Gaps">What is missing between the events.</param>
internal sealed record Reading(
    IReadOnlyList<Recorded> Events, IReadOnlyList<RunRow> Runs, IReadOnlyList<StepRow> Steps, IReadOnlyList<TaskRow> Tasks, IReadOnlyList<string> Gaps)
{
    private readonly Dictionary<(string, StepKey), bool> _inForeach = Steps.ToDictionary(s => (s.Run, s.Key), s => s.InForeach);

    /// <summary>The task's name as people, and the task itself, read it.</summary>
    public string NameOf(StreamId stream, int split) => TaskRef.NameOf(stream.StepKey, split, _inForeach.GetValueOrDefault((stream.RunId!, stream.StepKey)));
}
