using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A gang: the tasks that one foreach opens at a step with <c>gang</c>. They start together or not at all; when one has to start again, all do; and the flow goes on from them when all have succeeded.</summary>
/// <remarks>Nothing of it has events of its own. What an attempt's failure or loss means for the others follows from it: they are told to end and end as lost, which is not charged to them, and those that
/// had succeeded wait again. So all tasks of a gang always have the same number of attempts, and its budgets are what all of them have spent together.</remarks>
public sealed partial class StepEntity
{
    // Those that have succeeded and wait for the others, with the bytes of their outputs.
    private readonly SortedDictionary<int, long> _held = [];

    private string? _firstWorker;

    private bool IsGang => _node.Spec.Gang is true;

    private int ReadyGang => _foreach is { } opened && _ready.Count + _retries.Count == opened.Count ? opened.Count : 0;

    private GangGrant Gang => new(_foreach!.Count, _firstWorker ?? "");

    /// <summary>Leases all tasks of the gang, the lowest splits to the first of the workers; none when it cannot start now, or is not as large as the room that was found for it.</summary>
    public IReadOnlyList<Grant> LeaseGang(IReadOnlyList<GangPlace> places, in Moment moment)
    {
        if (!IsGang || Ready == 0 || places.Sum(place => place.Count) != Ready) return [];
        var splits = new List<int>(Ready);
        foreach (var place in places)
            for (var i = 0; i < place.Count; i++) splits.Add(LeaseNext(place.Worker, place.Boot, moment));
        return [.. splits.Select(split => GrantOf(split, _leased[split]))];
    }

    /// <summary>Who holds the lease of a grant that was just made.</summary>
    public string WorkerOf(Grant grant) => _leased[grant.Task.Split].Worker;

    // A gang's budgets are one: each time that it starts again is charged to one of its tasks.
    private TaskBudget Spent(int split) => IsGang
        ? new TaskBudget(0, _budgets.Values.Sum(budget => budget.Failures), _budgets.Values.Sum(budget => budget.Losses), false)
        : _budgets.GetValueOrDefault(split);

    private bool IsEndedWithGang(int split) => _leased.TryGetValue(split, out var lease) && lease.End == LeaseEnd.Gang;

    // However it ended: it has to start again with the others.
    private void GiveBack(int split, TaskLease lease, in Moment moment) => Emit(new TaskLost(split, lease.Attempt, LossCauses.GangRestarted, moment.Now), moment);

    private void Hold(int split, long bytes)
    {
        _held[split] = bytes;
        if (_held.Count < _foreach!.Count) return;
        var onward = (GoTo)_node.Spec.Next!;
        foreach (var (done, itsBytes) in _held) RouteTo(onward.Step, done, itsBytes);
        _held.Clear();
    }

    private void RestartGang()
    {
        if (!IsGang) return;
        foreach (var lease in _leased.Values)
            if (lease.End == LeaseEnd.None) lease.End = LeaseEnd.Gang;
        foreach (var split in TakeHeld())
        {
            Forget(split);
            SendBack(split);
        }
    }

    private int[] TakeHeld()
    {
        int[] held = [.. _held.Keys];
        _held.Clear();
        return held;
    }

    private void EndRestOfGang()
    {
        if (!IsGang) return;
        foreach (var (split, lease) in _leased)
            if (lease.End == LeaseEnd.Gang) _effects.Add(EndOf(split, lease));
    }
}
