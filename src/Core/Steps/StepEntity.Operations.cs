using System.Globalization;
using Fanfare.Contracts;

namespace Fanfare.Core;

public sealed partial class StepEntity
{
    /// <summary>Ends the running attempt; it counts as a failure of the user's, and is not retried.</summary>
    public void Kill(int split, in Moment moment)
    {
        if (!_leased.TryGetValue(split, out var lease)) throw NotNow(split, "kill", "only a running task can be killed");
        if (lease.End != LeaseEnd.None) return;
        Emit(new TaskKillRequested(split, lease.Attempt), moment);
        _effects.Add(EndOf(split, lease));
    }

    /// <summary>Sends a failed or delayed task back to the start, with fresh budgets.</summary>
    public void Retry(int split, in Moment moment)
    {
        CheckTakesPart(split, "retry");
        CheckIsAlone(split, "retry");
        if (!_failed.ContainsKey(split) && !_backoff.ContainsKey(split)) throw NotNow(split, "retry", "only a task that failed, or waits to be retried, can be retried");
        if (_joins.TryGetValue(split, out var join) && !join.IsMet(_node.Spec.Join ?? JoinSpec.All))
            throw NotNow(split, "retry", "too many of its members failed, or some are not done; retry those instead");
        Emit(new TaskRetried(split), moment);
    }

    /// <summary>Declares a task done with the output given; the flow goes on from it.</summary>
    public void Skip(int split, string? output, in Moment moment)
    {
        CheckTakesPart(split, "skip");
        CheckIsAlone(split, "skip");
        var known = _ready.Contains(split) || _retries.Contains(split) || _backoff.ContainsKey(split) || _failed.ContainsKey(split);
        if (!known) throw NotNow(split, "skip", _leased.ContainsKey(split) ? "it is running; kill it first" : "only a task that waits or failed can be skipped");
        var onward = Onward.Evaluate(_node, _graph, Key, output, null, 0, _context, out var error);
        if (error is not null)
            throw new RefusedException(RefusalKind.Invalid, "FAN0001", $"output: {error.Message} Give an output that says where the flow goes on.");
        Emit(new TaskSkipped(split, output, onward.Chosen, onward.Items, onward.Count), moment);
    }

    /// <summary>Whether the task could start now, were a worker there.</summary>
    public bool IsReady(int split) => !_paused && !_cancelling && (_ready.Contains(split) || _retries.Contains(split));

    /// <summary>Of the step's tasks that could start, how many go before this one.</summary>
    public int Before(int split) => _retries.Contains(split) ? _retries.TakeWhile(other => other < split).Count() : _retries.Count + _ready.CountBelow(split);

    /// <summary>Why a task is where it is.</summary>
    public Explanation Explain(int split, DateTimeOffset now)
    {
        var details = new List<string>();
        if (_paused) details.Add("The run is paused: nothing of it starts until it is resumed.");
        if (_cancelling || _cancelledSplits.Contains(split)) details.Add("The step is cancelled.");
        if (_budgets.TryGetValue(split, out var budget) && budget.NextAttempt > 0)
            details.Add(string.Create(CultureInfo.InvariantCulture, $"{budget.NextAttempt} attempts so far: {budget.Failures} failed (max_attempts {_node.Spec.Retry.MaxAttempts}), {budget.Losses} lost by the platform (max_losses {_node.Spec.Retry.MaxLosses})."));
        if (_leased.TryGetValue(split, out var lease))
            return new Explanation("running", $"Attempt {lease.Attempt} runs on {lease.Worker} since {lease.LeasedAt:O}.", details);
        if (_backoff.TryGetValue(split, out var due))
            return new Explanation("backoff", $"It waits to be tried again at {due:O}, in {Math.Max(0, (due - now).TotalSeconds):0} s.", details, _paused ? null : due);
        if (_failed.TryGetValue(split, out var error))
            return new Explanation("failed", $"It failed: {error.Message}", details);
        if (_succeeded.Contains(split)) return new Explanation("succeeded", "It is done.", details);
        if (_cancelled.Contains(split)) return new Explanation("cancelled", "It was cancelled.", details);
        if (IsGang && (_ready.Contains(split) || _retries.Contains(split)) && ReadyGang == 0)
            return new Explanation("waiting", $"It is one of a gang of {Gang.Size}, which starts again when all have ended: {_leased.Count} are still to end, {_backoff.Count} wait to be tried again.", details);
        if (_ready.Contains(split) || _retries.Contains(split))
        {
            if (IsGang) details.Add($"It is one of a gang of {Gang.Size} tasks, which start together when there is room for all of them.");
            if (_node.Spec.MaxParallel is { } most && _leased.Count >= most)
                details.Add($"{_leased.Count} tasks of this step run, which is its max_parallel.");
            var wants = _node.Spec.Resources;
            details.Add($"It is in queue '{_node.Spec.Queue}' and needs {wants.Cpu:0.##} CPU, {wants.MemoryBytes / (1 << 20)} MiB of memory and {wants.Gpu} GPU.");
            return new Explanation("waiting", _paused ? "It is ready, but the run is paused." : "It is ready and waits for a worker with room.", details);
        }
        if (_node.Joins is not null)
        {
            var join = _joins.GetValueOrDefault(split);
            return new Explanation("waiting", join?.Expected is { } expected
                ? $"It joins: {join.Succeeded.Count} of {expected} members have arrived, {join.Failed.Count} failed."
                : "It joins a split that has not been opened yet.", details);
        }
        return new Explanation("waiting", $"It waits for {string.Join(" or ", _node.Predecessors)}.", details);
    }

    private TaskInputs InputsOf(int split)
    {
        var item = ItemOf(split);
        if (_foreach is { } opened)
            return new TaskInputs([new InputSource(opened.Opener, SplitRanges.One(opened.OpenerSplit))], opened.OutputBytes, item, FromOpener: true);
        if (_joins.TryGetValue(split, out var join))
        {
            // Branches in the order of the split, however they came; members of a foreach are merged by split when they are read.
            var sources = _node.Joins == FrameKind.Branch
                ? join.Arrived.OrderBy(a => a.Splits.First).Select(a => new InputSource(a.Source, SplitRanges.One(split)))
                : join.Arrived.Select(a => new InputSource(a.Source, a.Splits.ToRanges()));
            return new TaskInputs([.. sources], join.Arrived.Sum(a => a.OutputBytes), item);
        }
        foreach (var arrivals in _arrivals)
        {
            if (!arrivals.Splits.Contains(split)) continue;
            return arrivals.Source == Key
                ? new TaskInputs([], 0, item)
                : new TaskInputs([new InputSource(arrivals.Source, SplitRanges.One(split))], arrivals.OutputBytes, item);
        }
        throw new InvalidOperationException($"Task {split} of {Id} was leased before anything arrived for it.");
    }

    // The item of the innermost foreach, whichever step of its body this is.
    private ItemSource? ItemOf(int split)
    {
        if (_items is not { } items) return null;
        var frame = _node.Frame;
        var (key, at) = (Key, split);
        while (true)
        {
            var opener = Routes.Outside(frame, frame.Opener!, key, at);
            if (frame.Kind == FrameKind.Foreach) return new ItemSource(opener.Key, opener.Split, items, at, _run!.Generation);
            (key, at, frame) = (opener.Key, opener.Split, frame.Parent!);
        }
    }

    // What was cancelled, or a handler that failed, is something the run has gone on from, or ended with.
    private void CheckTakesPart(int split, string verb)
    {
        if (_cancelling || _cancelledSplits.Contains(split)) throw NotNow(split, verb, "its step was cancelled; retry the run instead");
        if (_node.IsHandler && _failed.ContainsKey(split)) throw NotNow(split, verb, "the run has gone on without it; retry the run instead");
    }

    private void CheckIsAlone(int split, string verb)
    {
        if (IsGang) throw NotNow(split, verb, "it is one of a gang, which starts and ends as one; retry the run instead");
    }

    private RefusedException NotNow(int split, string verb, string rule) => new(
        RefusalKind.Conflict, "FAN0003",
        $"Task {TaskRef.NameOf(Key, split, _node.InForeach)} cannot take '{verb}': {rule}. It is {Explain(split, DateTimeOffset.MinValue).State}.");
}
