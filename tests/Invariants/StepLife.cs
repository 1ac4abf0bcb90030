using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of one opening of a step so far.</summary>
public sealed class StepLife(StepKey key, StepSpec spec)
{
    private readonly Dictionary<int, HashSet<int>> _members = [];

    public StepKey Key => key;

    public StepSpec Spec => spec;

    public SortedDictionary<int, TaskLife> Tasks { get; } = [];

    public HashSet<int> CancelledSplits { get; } = [];

    public HashSet<(int Generation, int Split)> Arrived { get; } = [];

    public Dictionary<int, int> Expected { get; } = [];

    public bool Cancelled { get; set; }

    public bool Paused { get; set; }

    public int? OpenedIn { get; set; }

    public TaskLife Of(int split)
    {
        if (Tasks.TryGetValue(split, out var task)) return task;
        return Tasks[split] = new TaskLife();
    }

    public HashSet<int> MembersOf(int split)
    {
        if (_members.TryGetValue(split, out var members)) return members;
        return _members[split] = [];
    }
}
