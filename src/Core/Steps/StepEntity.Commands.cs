using System.Globalization;
using Fanfare.Contracts;

namespace Fanfare.Core;

public sealed partial class StepEntity
{
    // Finished tokens of this activation, so that a repeated report is told from a stale one. A report repeated
    // across a restart is recorded as refused, which changes nothing. Their hashes, since a nest has thousands of steps.
    private readonly HashSet<ulong> _finishedTokens = [];

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            var (sequence, _, message) = messages[i];
            CheckGeneration(message);
            switch (message)
            {
                case ArriveSplits arrive:
                    Open(arrive.Run, moment);
                    if (IsObsolete(arrive.Run, arrive.Source)) break;
                    var splits = new SplitSet();
                    splits.AddAll(arrive.Splits);
                    var bytes = arrive.OutputBytes;
                    // A worker's batch of results makes one message a task; one event holds them all.
                    while (i + 1 < messages.Count && messages[i + 1].Message is ArriveSplits more && more.Source == arrive.Source && more.Run == arrive.Run)
                    {
                        splits.AddAll(more.Splits);
                        bytes += more.OutputBytes;
                        sequence = messages[++i].Sequence;
                    }
                    Emit(new SplitsArrived(arrive.Source, splits.ToRanges(), bytes, arrive.Items) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case OpenForeach open:
                    Open(open.Run, moment);
                    if (IsObsolete(open.Run, open.Opener)) break;
                    Emit(new ForeachOpened(open.Opener, open.OpenerSplit, open.Count, open.Items, open.OutputBytes) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case ArriveMembers arrive:
                    Open(arrive.Run, moment);
                    if (IsObsolete(arrive.Run, arrive.Source)) break;
                    SplitSet members = new(), failed = new();
                    members.AddAll(arrive.Members);
                    failed.AddAll(arrive.Failed);
                    var outputBytes = arrive.OutputBytes;
                    while (i + 1 < messages.Count && messages[i + 1].Message is ArriveMembers more
                        && more.Source == arrive.Source && more.Split == arrive.Split && more.Run == arrive.Run)
                    {
                        members.AddAll(more.Members);
                        failed.AddAll(more.Failed);
                        outputBytes += more.OutputBytes;
                        sequence = messages[++i].Sequence;
                    }
                    Emit(new MembersArrived(arrive.Split, arrive.Source, members.ToRanges(), failed.ToRanges(), outputBytes, arrive.Items) { Sender = sender, SenderSequence = sequence }, moment);
                    BreakJoin(arrive.Split, moment);
                    break;
                case ExpectMembers expect:
                    Open(expect.Run, moment);
                    if (IsObsolete(expect.Run, expect.Opener)) break;
                    Emit(new MembersExpected(expect.Split, expect.Opener, expect.Count, expect.Items) { Sender = sender, SenderSequence = sequence }, moment);
                    BreakJoin(expect.Split, moment);
                    break;
                case CancelStep cancel:
                    Open(cancel.Run, moment);
                    Emit(new StepCancelled(cancel.Split) { Sender = sender, SenderSequence = sequence }, moment);
                    EndCancelledLeases();
                    break;
                case PauseStep pause:
                    Open(pause.Run, moment);
                    Emit(new StepPaused(Reports: true) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case ResumeStep resume:
                    Open(resume.Run, moment);
                    Emit(new StepResumed { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case RetryStep retry:
                    Open(retry.Run, moment);
                    // Opened in this generation, so it has nothing of a former one to take back.
                    if (_run!.Generation == retry.Run.Generation) break;
                    Emit(new StepRetried(retry.Run.Generation, retry.Reset) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                default:
                    throw new InvalidOperationException($"Step {Id} was sent {message.GetType().Name}, which no step takes.");
            }
        }
    }

    /// <summary>Leases up to <paramref name="max"/> tasks to a worker: retries first, then the lowest splits. Those of a gang are leased by <see cref="LeaseGang"/>.</summary>
    public IReadOnlyList<Grant> Lease(string worker, string boot, int max, in Moment moment)
    {
        var count = IsGang ? 0 : Math.Min(max, Ready);
        if (count <= 0) return [];
        var grants = new List<Grant>(count);
        for (var i = 0; i < count; i++)
        {
            var split = LeaseNext(worker, boot, moment);
            grants.Add(GrantOf(split, _leased[split]));
        }
        return grants;
    }

    private int LeaseNext(string worker, string boot, in Moment moment)
    {
        var split = _retries.Count > 0 ? _retries.Min : _ready.First;
        var attempt = _budgets.GetValueOrDefault(split).NextAttempt;
        var token = string.Create(CultureInfo.InvariantCulture, $"{_streamHash:x}.{Sequence + 1:x}.{attempt}.{moment.Incarnation}");
        Emit(new TaskLeased(split, attempt, token, worker, boot), moment);
        _leased[split].Deadline = moment.Uptime + _term;
        if (moment.Uptime + _term < _nextDeadline) _nextDeadline = moment.Uptime + _term;
        return split;
    }

    private Grant GrantOf(int split, TaskLease lease) => new(
        Task(split), lease.Attempt, lease.Token, InputsOf(split), Spent(split).Failures,
        // What one of a gang has done is of no use without the others.
        WasLost: !IsGang && _budgets.GetValueOrDefault(split).WasLost, IsGang ? Gang : null);

    /// <summary>Takes the end of an attempt. A token that is not the current attempt's is refused, recorded, and changes nothing.</summary>
    public void Finish(FinishedAttempt finished, string worker, in Moment moment)
    {
        var split = finished.Task.Split;
        if (!_leased.TryGetValue(split, out var lease) || lease.Token != finished.Token)
        {
            if (_finishedTokens.Contains(HashOf(finished.Token)) || _run is null) return;
            Emit(new ResultRefused(split, finished.Token, worker), moment);
            RememberFinished(finished.Token);
            return;
        }
        RememberFinished(finished.Token);
        if (lease.End == LeaseEnd.Gang)
        {
            GiveBack(split, lease, moment);
            return;
        }
        switch (finished.Outcome)
        {
            case AttemptOutcome.Succeeded:
                Succeed(split, lease, finished, moment);
                break;
            case AttemptOutcome.Failed when lease.End == LeaseEnd.Cancel:
            case AttemptOutcome.Cancelled when lease.End == LeaseEnd.Cancel:
            case AttemptOutcome.Lost when lease.End == LeaseEnd.Cancel:
                Emit(new TaskCancelled(split, lease.Attempt), moment);
                break;
            case AttemptOutcome.Failed:
                Fail(split, lease, finished.StartedAt, finished.EndedAt, finished.Error ?? new TaskError("exit", "The worker gave no reason."), moment);
                break;
            case AttemptOutcome.Cancelled when lease.End == LeaseEnd.Kill:
                Fail(split, lease, finished.StartedAt, finished.EndedAt, new TaskError("killed", "An operator killed this attempt."), moment);
                break;
            case AttemptOutcome.Cancelled:
            case AttemptOutcome.Lost:
                Lose(split, lease, finished.Error?.Message ?? "the worker gave it up", moment);
                break;
            default:
                throw new InvalidOperationException($"Unknown outcome {finished.Outcome}.");
        }
    }

    /// <summary>Gives a full term to the leases that are still the worker's; returns those that are not. Not journaled.</summary>
    public IReadOnlyList<HeldLease> Renew(string worker, string boot, IEnumerable<HeldLease> held, in Moment moment)
    {
        var unknown = new List<HeldLease>();
        foreach (var item in held)
        {
            if (_leased.TryGetValue(item.Task.Split, out var lease) && lease.Token == item.Token && lease.Worker == worker && lease.Boot == boot)
                lease.Deadline = moment.Uptime + _term;
            else
                unknown.Add(item);
        }
        return unknown;
    }

    /// <summary>The attempt under this token when it is a task's current lease.</summary>
    public int? AttemptOf(HeldLease held) =>
        _leased.TryGetValue(held.Task.Split, out var lease) && lease.Token == held.Token ? lease.Attempt : null;

    /// <summary>Inputs of a leased attempt; null when the token is not current.</summary>
    public TaskInputs? InputsOf(HeldLease held) => AttemptOf(held) is null ? null : InputsOf(held.Task.Split);

    /// <summary>The grant of a live lease again, for a worker whose reply was lost; null when the token is not current.</summary>
    public Grant? GrantOf(HeldLease held) =>
        AttemptOf(held) is null ? null : GrantOf(held.Task.Split, _leased[held.Task.Split]);

    /// <summary>It is proven that this boot of the worker is gone: what it held is lost at once.</summary>
    public void WorkerGone(string worker, string boot, string reason, in Moment moment)
    {
        foreach (var (split, lease) in _leased.Where(l => l.Value.Worker == worker && l.Value.Boot == boot).ToArray())
            EndLost(split, lease, reason, moment);
    }

    public override void Tick(in Moment moment)
    {
        var (now, uptime) = (moment.Now, moment.Uptime);
        foreach (var (split, lease) in _leased.Where(l => l.Value.Deadline <= uptime).ToArray())
        {
            EndLost(split, lease, LossCauses.LeaseExpired(lease.Worker, _term), moment);
            _effects.Add(new EndLease(lease.Worker, lease.Boot, Held(split, lease), "the lease ran out", Void: true));
        }
        if (_cancelling || _paused)
        {
            SetBounds();
            return;
        }
        // Backoff that is over needs no event: what is due is ready, and replay comes to the same by the clock.
        foreach (var split in _backoff.Where(b => b.Value <= now).Select(b => b.Key).ToArray())
        {
            _backoff.Remove(split);
            _retries.Add(split);
        }
        SetBounds();
    }

    private void EndLost(int split, TaskLease lease, string reason, in Moment moment)
    {
        if (lease.End == LeaseEnd.Cancel) Emit(new TaskCancelled(split, lease.Attempt), moment);
        else if (lease.End == LeaseEnd.Gang) GiveBack(split, lease, moment);
        else Lose(split, lease, reason, moment);
    }

    private void Succeed(int split, TaskLease lease, FinishedAttempt finished, in Moment moment)
    {
        var started = finished.StartedAt ?? lease.LeasedAt;
        var onward = Onward.Evaluate(_node, _graph, Key, finished.Output, finished.ItemsFile, finished.ItemsCount, _context, out var error);
        if (error is not null)
        {
            Fail(split, lease, started, finished.EndedAt, error, moment);
            return;
        }
        Emit(new TaskSucceeded(split, lease.Attempt, started, finished.EndedAt, finished.Output,
            onward.Chosen, onward.Items, onward.Count, Caught: null, finished.Artifacts), moment);
    }

    private void Fail(int split, TaskLease lease, DateTimeOffset? started, DateTimeOffset ended, TaskError error, in Moment moment)
    {
        var failures = Spent(split).Failures + 1;
        var retry = _node.Spec.Retry;
        var retryable = error.Type is not ("switch_no_case" or "loop_bound" or "killed")
            && (retry.ExitCodes is not { } codes || (error.ExitCode is { } code && codes.Contains(code)));
        if (retryable && failures < retry.MaxAttempts && lease.End == LeaseEnd.None)
        {
            var delay = Backoff.Delay(retry, failures, Backoff.Chance(moment.Entropy, split));
            Emit(new TaskFailed(split, lease.Attempt, started, ended, error, moment.Now + delay), moment);
            EndRestOfGang();
            return;
        }
        if (_node.Spec.CatchOutput is { } name && lease.End == LeaseEnd.None)
        {
            var output = Onward.CaughtOutput(name, error);
            var onward = Onward.Evaluate(_node, _graph, Key, output, null, 0, _context, out var unroutable);
            if (unroutable is null)
            {
                Emit(new TaskSucceeded(split, lease.Attempt, started ?? lease.LeasedAt, ended, output,
                    onward.Chosen, onward.Items, onward.Count, error), moment);
                return;
            }
        }
        Emit(new TaskFailed(split, lease.Attempt, started, ended, error, null), moment);
    }

    private void Lose(int split, TaskLease lease, string reason, in Moment moment)
    {
        var losses = Spent(split).Losses + 1;
        if (losses > _node.Spec.Retry.MaxLosses)
        {
            var error = new TaskError("losses", $"The platform lost this task {losses} times, more than max_losses allows; the last time because {reason}.");
            Emit(new TaskFailed(split, lease.Attempt, null, moment.Now, error, null), moment);
            return;
        }
        // The growing delay is for machines that a task takes down. This one was taken back, whatever ran on it.
        var delay = LossCauses.Of(reason) == LossCause.SpotInterrupted ? TimeSpan.Zero : Backoff.LossDelay(losses, Backoff.Chance(moment.Entropy, split));
        Emit(new TaskLost(split, lease.Attempt, reason, moment.Now + delay), moment);
        EndRestOfGang();
    }

    // What a step of the new generation sends may overtake the run's word that there is one. It has to wait: taken now, it would be
    // forgotten with what the former generation left. The sender tries again.
    private void CheckGeneration(EntityMessage message)
    {
        var run = message switch
        {
            ArriveSplits m => m.Run,
            OpenForeach m => m.Run,
            ArriveMembers m => m.Run,
            ExpectMembers m => m.Run,
            _ => null,
        };
        if (run is not null && _run is { } own && run.Generation > own.Generation)
            throw new RefusedException(RefusalKind.Busy, "FAN0008", $"Step {Id} has not heard yet that its run was retried.");
    }

    private void Open(RunInfo run, in Moment moment)
    {
        if (_run is null) Emit(new StepOpened(run, Key), moment);
    }

    // A message from a step that was reset, sent before it was reset, speaks of work that will be done again.
    private bool IsObsolete(RunInfo run, StepKey source) =>
        source != Key && _run!.Resets?.GetValueOrDefault(source.Step) > run.Generation;

    private void BreakJoin(int split, in Moment moment)
    {
        if (!_joins.TryGetValue(split, out var join) || join.Verdict(_node.Spec.Join ?? JoinSpec.All) != JoinVerdict.Break) return;
        var error = new TaskError("join", $"{join.Failed.Count} of {join.Expected} members failed, more than the join's policy tolerates.");
        Emit(new TaskFailed(split, -1, null, moment.Now, error, null), moment);
    }

    private void EndCancelledLeases()
    {
        foreach (var (split, lease) in _leased)
            if (lease.End == LeaseEnd.Cancel) _effects.Add(EndOf(split, lease));
    }

    private void RememberFinished(string token)
    {
        if (_finishedTokens.Count >= 4096) _finishedTokens.Clear();
        _finishedTokens.Add(HashOf(token));
    }
}
