using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of one opening of a step so far.</summary>
public sealed class StepLife(StepKey key, StepSpec spec)
{
    private readonly Dictionary<int, Dictionary<int, string>> _members = [];

    public StepKey Key => key;

    public StepSpec Spec => spec;

    public SortedDictionary<int, TaskLife> Tasks { get; } = [];

    public HashSet<int> CancelledSplits { get; } = [];

    public HashSet<(int Generation, int Split)> Arrived { get; } = [];

    public Dictionary<int, int> Expected { get; } = [];

    public bool Cancelled { get; set; }

    public bool Paused { get; set; }

    /// <summary>The run's, as far as the step has heard of it: what a former generation sent may arrive after the run was retried, and before the step knows.</summary>
    public int Generation { get; set; }

    public int? OpenedIn { get; set; }

    /// <summary>Splits of the foreach that opened it.</summary>
    public int Count { get; set; }

    public bool IsGang => spec.Gang is true;

    /// <summary>How many of a gang have been leased since it began to start.</summary>
    public int Starting { get; set; }

    /// <summary>One of a gang has to start again: if not all were done, those that were are done no more.</summary>
    public void RestartGang()
    {
        if (!IsGang || Tasks.Values.Count(task => task.SucceededIn is not null) == Count) return;
        foreach (var task in Tasks.Values) task.SucceededIn = null;
    }

    public TaskLife Of(int split)
    {
        if (Tasks.TryGetValue(split, out var task)) return task;
        return Tasks[split] = new TaskLife();
    }

    /// <summary>Members of a join's task that have arrived, and from which step each came.</summary>
    public Dictionary<int, string> MembersOf(int split)
    {
        if (_members.TryGetValue(split, out var members)) return members;
        return _members[split] = [];
    }

    /// <summary>What came from these steps will come anew.</summary>
    public void ForgetMembersFrom(IReadOnlyList<string> steps)
    {
        foreach (var members in _members.Values)
            foreach (var member in members.Where(m => steps.Contains(m.Value)).Select(m => m.Key).ToList())
                members.Remove(member);
    }
}
