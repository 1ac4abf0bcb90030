using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>Reads the history from its first event to its last and complains of whatever breaks an invariant. It shares no code with
/// what wrote the history.</summary>
public sealed class HistoryChecker
{
    private readonly Dictionary<string, RunLife> _runs = [];
    private readonly Dictionary<StreamId, StepLife> _steps = [];
    private readonly Dictionary<StreamId, ScheduleLife> _schedules = [];
    private readonly Dictionary<StreamId, BackfillLife> _backfills = [];
    private readonly HashSet<(StreamId Backfill, DateTimeOffset Time)> _backfilled = [];
    private readonly TriggerLives _triggers = new();
    private readonly Dictionary<string, FlowSpec> _flows = [];
    private readonly Dictionary<string, int> _current = [];
    private readonly Dictionary<string, int> _startsFrom = [];
    private readonly Dictionary<StreamId, int> _latest = [];

    /// <summary>Whether the clock that wrote the history was set meanwhile: then its times prove nothing.</summary>
    public bool ClockWasSet { get; init; }

    public List<Violation> Violations { get; } = [];

    public IReadOnlyDictionary<string, RunLife> Runs => _runs;

    public NoticeLives Notices { get; } = new();

    public PoolLives Pools { get; } = new();

    public IReadOnlyDictionary<StreamId, ScheduleLife> Schedules => _schedules;

    public IReadOnlyDictionary<StreamId, BackfillLife> Backfills => _backfills;

    public IReadOnlyDictionary<StreamId, StepLife> Steps => _steps;

    public void Read(Recorded recorded)
    {
        switch (recorded.Stream.Kind)
        {
            case StreamKind.Flow:
                if (recorded.Entry.Event is FlowDeployed deployed) ReadDeployed(recorded, deployed);
                if (recorded.Entry.Event is FlowDeleted) _triggers.Deleted(recorded.Stream);
                break;
            case StreamKind.Event:
                _triggers.ReadEvent(recorded, what => Complain(recorded, what));
                break;
            case StreamKind.Trigger:
                _triggers.ReadTrigger(recorded, what => Complain(recorded, what));
                break;
            case StreamKind.Run:
                ReadRun(recorded);
                break;
            case StreamKind.Step:
                ReadStep(recorded);
                break;
            case StreamKind.Schedule:
                ScheduleOf(recorded.Stream).Read(recorded, what => Complain(recorded, what));
                Notices.ReadSchedule(recorded);
                break;
            case StreamKind.Backfill:
                BackfillOf(recorded.Stream).Read(recorded, what => Complain(recorded, what));
                break;
            case StreamKind.Notice:
                Notices.Read(recorded, what => Complain(recorded, what));
                break;
            case StreamKind.Pool:
                Pools.Read(recorded, what => Complain(recorded, what));
                break;
        }
    }

    /// <summary>Somebody was told that the run is paused.</summary>
    /// <param name="resumesWhenAsked">The run's <see cref="RunLife.Resumes"/> when the pause was asked for: if it was resumed since, the answer speaks of a pause that is over.</param>
    public void PauseAnswered(string run, int resumesWhenAsked)
    {
        if (_runs.TryGetValue(run, out var life) && life.Paused && life.Resumes == resumesWhenAsked) life.PauseAnswered = true;
    }

    /// <summary>Somebody was told the number of a deployment.</summary>
    public void DeploymentAnswered(string flow, int version)
    {
        _current[flow] = Math.Max(version, _current.GetValueOrDefault(flow));
        if (_flows.GetValueOrDefault($"{flow}/{version}") is { } spec) _triggers.Answered(spec, version);
    }

    /// <summary>Somebody was told that the flow was deleted.</summary>
    /// <param name="version">The latest of the deployments that it had.</param>
    public void DeletionAnswered(string flow, int version) => _current[flow] = Math.Max(version + 1, _current.GetValueOrDefault(flow));

    /// <summary>Somebody asks for a run of the flow's latest deployment: of none that is older than what was answered before, and of none that was deleted.</summary>
    public void StartAsked(string flow, string run) => _startsFrom.TryAdd(run, _current.GetValueOrDefault(flow));

    /// <summary>Somebody asks for an event.</summary>
    public void PublishAsked(PublishEvent command) => _triggers.Asked(command.Key is { } key ? $"{command.Name} {key}" : command.Event);

    /// <summary>What holds when all is over: a time that was to start a run has started it, and so has an event; who was to be told has been.</summary>
    public void CheckAllBegan()
    {
        foreach (var missing in _triggers.Missing().Concat(Notices.Missing()).Concat(Pools.Left())) Violations.Add(new Violation(null, long.MaxValue, missing));
        foreach (var (stream, life) in _schedules)
        {
            foreach (var time in life.Begun)
                if (!life.Own.ContainsKey(time)) Violations.Add(new Violation(null, long.MaxValue, $"{stream}: the run for {time:O} never started"));
        }
        foreach (var (stream, life) in _backfills)
        {
            if (life.Unfinished() is { } what) Violations.Add(new Violation(null, long.MaxValue, $"{stream}: {what}"));
            foreach (var interval in life.Begun)
                if (!_backfilled.Contains((stream, interval.End)) && !(life.Plan!.Rerun != BackfillRerun.All && ScheduleOf(StreamId.Schedule(stream.Namespace, life.Plan.Flow, life.Plan.Schedule)).Own.ContainsKey(interval.End)))
                    Violations.Add(new Violation(null, long.MaxValue, $"{stream}: nothing ran for {interval.End:O}"));
        }
    }

    private BackfillLife BackfillOf(StreamId stream)
    {
        if (!_backfills.TryGetValue(stream, out var life)) _backfills[stream] = life = new BackfillLife();
        return life;
    }

    private ScheduleLife ScheduleOf(StreamId stream)
    {
        if (!_schedules.TryGetValue(stream, out var life)) _schedules[stream] = life = new ScheduleLife();
        return life;
    }

    /// <summary>A process of a task was started. What is done is never started again.</summary>
    public void Began(TaskRef task, int attempt)
    {
        if (!_runs.TryGetValue(task.Run, out var run) || !_steps.TryGetValue(task.Stream, out var step)) return;
        if (step.Of(task.Split).SucceededIn == run.Generation)
            Violations.Add(new Violation(task.Run, long.MaxValue, $"{task.Stream}: attempt {attempt} of split {task.Split} was started though the task is done"));
    }

    private static void Resume(RunLife run)
    {
        (run.Paused, run.PauseAnswered) = (false, false);
        run.Resumes++;
    }

    // Numbers go on through deletions, so that each names one deployment for ever.
    private void ReadDeployed(Recorded recorded, FlowDeployed deployed)
    {
        var latest = _latest.GetValueOrDefault(recorded.Stream);
        if (deployed.Version != latest + 1) Complain(recorded, $"deployment {deployed.Version} of a flow follows {latest}");
        _latest[recorded.Stream] = deployed.Version;
        _flows[$"{recorded.Stream.Name}/{deployed.Version}"] = FlowSpecJson.Read(deployed.Spec);
    }

    private void ReadRun(Recorded recorded)
    {
        var name = recorded.Stream.Name;
        if (!_runs.TryGetValue(name, out var run)) _runs[name] = run = new RunLife();
        var ended = run.Ended is not null;
        switch (recorded.Entry.Event)
        {
            case RunStarted e:
                if (run.Started is not null) Complain(recorded, "a run started twice");
                run.Started = e;
                run.Spec = _flows[$"{e.Flow}/{e.Deployment}"];
                Notices.RunStarted(name, run.Spec);
                if (e.Cause is { Schedule: { } schedule, Interval: { } interval }) ReadScheduled(recorded, e, schedule, interval);
                else if (e.Cause is { } cause) _triggers.ReadStarted(recorded, e, cause, what => Complain(recorded, what));
                if (_startsFrom.GetValueOrDefault(name) is var least && e.Deployment < least) Complain(recorded, $"the run is of deployment {e.Deployment}, and was asked for when it was known that none before {least} is started any more");
                break;
            case RunEnded e:
                if (ended) Complain(recorded, "a run ended twice in one generation");
                run.Ended = e;
                run.EndedAt = recorded.CommittedAt;
                Notices.RunEnded(name, run.Spec, run.Generation, e.Status);
                if (run is { Started: { Cause.Schedule: { } ending } started, Generation: 0 } && started.Cause!.Backfill is null) ScheduleOf(StreamId.Schedule(recorded.Stream.Namespace, started.Flow, ending)).Running.Remove(name);
                _triggers.ReadEnded(recorded, run.Started!, run.Generation, e, what => Complain(recorded, what));
                foreach (var (stream, step) in _steps)
                    foreach (var (split, task) in step.Tasks)
                        if (stream.RunId == name && task.Lease is not null) Complain(recorded, $"the run ended while {stream.Name}[{split}] was leased");
                break;
            case RunRetried:
                if (!ended) Complain(recorded, "a run was retried before it had ended");
                Resume(run);
                (run.Ended, run.CancelRequested) = (null, false);
                run.Generation++;
                run.Interfered = true;
                break;
            case RunCancelRequested:
                if (ended) Complain(recorded, "a run that had ended was cancelled");
                run.CancelRequested = true;
                run.CancelledAt = recorded.CommittedAt;
                run.Interfered = true;
                break;
            case RunPaused:
                if (ended) Complain(recorded, "a run that had ended was paused");
                run.Paused = true;
                break;
            case RunResumed:
                if (ended) Complain(recorded, "a run that had ended was resumed");
                Resume(run);
                break;
            case RunHandlerStarted e:
                if (ended) Complain(recorded, "a handler started in a run that had ended");
                run.Handlers.Add((run.Generation, e.Step.Step));
                break;
            case RunTimedOut:
                if (ended) Complain(recorded, "a run that had ended timed out");
                break;
        }
    }

    // A run of a schedule starts once for each time, for one that the schedule has decided on, and not beside more others than are allowed.
    private void ReadScheduled(Recorded recorded, RunStarted started, string name, DataInterval interval)
    {
        var schedule = ScheduleOf(StreamId.Schedule(recorded.Stream.Namespace, started.Flow, name));
        var time = interval.End;
        if (started.Cause!.Backfill is { } id)
        {
            ReadBackfilled(recorded, StreamId.Backfill(recorded.Stream.Namespace, id), interval, schedule);
            return;
        }
        if (!schedule.Begun.Contains(time)) Complain(recorded, $"a run started for {time:O}, on which its schedule has not decided");
        if (!schedule.Own.TryAdd(time, recorded.Stream.Name)) Complain(recorded, $"run {schedule.Own[time]} has started for {time:O} before");
        schedule.Running.Add(recorded.Stream.Name);
        if (schedule.Most is { } most && schedule.Running.Count > most) Complain(recorded, $"{schedule.Running.Count} runs of its schedule go on at a time; {most} may");
    }

    // One of a backfill starts for an interval that it has taken up: the one that the schedule would have started, or one of its own for an interval that had one, where that is asked for.
    private void ReadBackfilled(Recorded recorded, StreamId stream, DataInterval interval, ScheduleLife schedule)
    {
        var (backfill, time) = (BackfillOf(stream), interval.End);
        if (backfill.Plan is not { } plan || !backfill.Begun.Contains(interval))
        {
            Complain(recorded, $"a run started for {time:O}, which {stream} has not taken up");
            return;
        }
        var isFirst = plan.Rerun != BackfillRerun.All && schedule.Own.TryAdd(time, recorded.Stream.Name);
        if (!_backfilled.Add((stream, time))) Complain(recorded, $"{stream} has started a run for {time:O} before");
        if (isFirst || plan.Rerun == BackfillRerun.All) return;
        var before = _runs[schedule.Own[time]];
        if (plan.Rerun == BackfillRerun.None) Complain(recorded, $"run {schedule.Own[time]} has started for {time:O} before");
        else if (before is { Generation: 0, Ended: not { Status: RunStatus.Failed or RunStatus.Cancelled } }) Complain(recorded, $"{time:O} is run again, and its run has not failed");
    }

    private void ReadStep(Recorded recorded)
    {
        var stream = recorded.Stream;
        var run = _runs[stream.RunId!];
        if (!_steps.TryGetValue(stream, out var step)) _steps[stream] = step = new StepLife(stream.StepKey, run.Spec.Step(stream.StepKey.Step)!);
        var over = run.Ended is not null;
        if (step.IsGang && recorded.Entry.Event is not TaskLeased && step.Starting > 0)
        {
            if (step.Starting != step.Count) Complain(recorded, $"{step.Starting} of a gang of {step.Count} were leased without the others");
            step.Starting = 0;
        }
        switch (recorded.Entry.Event)
        {
            case StepOpened e:
                (step.Paused, step.Generation) = (e.Run.Halted is true, e.Run.Generation);
                break;
            case TaskLeased e:
                Lease(recorded, run, step, step.Of(e.Split), e);
                break;
            case TaskSucceeded e:
                var done = step.Of(e.Split);
                End(recorded, done, e.Attempt, "succeeded");
                if (done.SucceededIn == run.Generation) Complain(recorded, "a task succeeded twice in one generation");
                if (over) Complain(recorded, "a task succeeded after its run had ended");
                if (e.Caught is { } caught) CheckFinalFailure(recorded, step, done, caught, counted: FailuresOf(step, done) + 1);
                done.SucceededIn = run.Generation;
                break;
            case TaskFailed e:
                var failed = step.Of(e.Split);
                if (e.Attempt >= 0) End(recorded, failed, e.Attempt, "failed");
                else if (failed.Lease is not null) Complain(recorded, "a join broke while it ran");
                if (e.Attempt >= 0) failed.Failures++;
                var failures = FailuresOf(step, failed);
                if (e.RetryAt is not null && failures >= step.Spec.Retry.MaxAttempts) Complain(recorded, $"a task is retried after {failures} failures; max_attempts is {step.Spec.Retry.MaxAttempts}");
                if (e.RetryAt is null && e.Attempt >= 0 && !failed.Killed) CheckFinalFailure(recorded, step, failed, e.Error, failures);
                (failed.FailedForGood, failed.RetryAt) = (e.RetryAt is null, e.RetryAt);
                if (e.RetryAt is not null) step.RestartGang();
                break;
            case TaskLost e:
                var lost = step.Of(e.Split);
                End(recorded, lost, e.Attempt, "was lost");
                lost.Losses++;
                lost.RetryAt = e.RetryAt;
                step.RestartGang();
                break;
            case TaskCancelled e:
                var cancelled = step.Of(e.Split);
                End(recorded, cancelled, e.Attempt, "was cancelled");
                cancelled.Cancelled = true;
                break;
            case TaskKillRequested e:
                run.Interfered = true;
                step.Of(e.Split).Killed = true;
                break;
            case TaskRetried e:
                run.Interfered = true;
                if (over) Complain(recorded, "a task was retried in a run that had ended");
                Renew(step.Of(e.Split));
                break;
            case TaskSkipped e:
                run.Interfered = run.Skipped = true;
                if (over) Complain(recorded, "a task was skipped in a run that had ended");
                var skipped = step.Of(e.Split);
                if (skipped.Lease is not null) Complain(recorded, "a running task was skipped");
                Renew(skipped);
                skipped.Skipped = true;
                skipped.SucceededIn = run.Generation;
                break;
            case StepCancelled { Split: null }:
                step.Cancelled = true;
                break;
            case StepCancelled e:
                step.CancelledSplits.Add(e.Split!.Value);
                break;
            case StepPaused:
                step.Paused = true;
                break;
            case StepResumed:
                step.Paused = false;
                break;
            case StepRetried e:
                (step.Cancelled, step.Paused, step.Generation) = (false, false, e.Generation);
                step.CancelledSplits.Clear();
                step.RestartGang();
                if (e.Reset.Contains(step.Key.Step)) step.ForgetMembersFrom(e.Reset);
                foreach (var task in step.Tasks.Values)
                {
                    if (task.Lease is not null) Complain(recorded, "a step was retried while a task of it ran");
                    if (task.SucceededIn is null || e.Reset.Contains(step.Key.Step)) Renew(task);
                }
                break;
            case SplitsArrived e:
                foreach (var split in e.Splits)
                    if (!step.Arrived.Add((step.Generation, split))) Complain(recorded, $"split {split} arrived twice");
                break;
            case ForeachOpened when step.OpenedIn == step.Generation:
                Complain(recorded, "a foreach opened its body twice");
                break;
            case ForeachOpened e:
                (step.OpenedIn, step.Count) = (step.Generation, e.Count);
                break;
            case MembersExpected e:
                step.Expected[e.Split] = e.Count;
                break;
            case MembersArrived e:
                foreach (var member in e.Members) step.MembersOf(e.Split)[member] = e.Source.Step;
                break;
        }
    }

    private void Lease(Recorded recorded, RunLife run, StepLife step, TaskLife task, TaskLeased e)
    {
        if (step.IsGang && step.Starting++ == 0 && step.Tasks.Values.Any(t => t.Lease is not null)) Complain(recorded, "a gang was started while a task of it still ran");
        if (task.Lease is { } former) Complain(recorded, $"attempt {e.Attempt} was leased while attempt {former.Attempt} still was");
        if (run.Ended is not null) Complain(recorded, "a task was leased after its run had ended");
        if (task.SucceededIn == run.Generation) Complain(recorded, "a task was leased again after it had succeeded");
        if (task.FailedForGood) Complain(recorded, "a task was leased again after it had failed for good");
        if (step.Cancelled || step.CancelledSplits.Contains(e.Split)) Complain(recorded, "a task of a cancelled step was leased");
        if (run.PauseAnswered && !run.Spec.OnFailure.Concat(run.Spec.Finally).Contains(step.Key.Step)) Complain(recorded, "a task was leased though its run was paused, and somebody had been told so");
        if (step.Paused) Complain(recorded, "a task of a paused step was leased");
        if (e.Attempt < task.NextAttempt) Complain(recorded, $"attempt {e.Attempt} was leased, though attempt {task.NextAttempt - 1} had been");
        // By the clock of the node that decided; times are kept in microseconds.
        if (!ClockWasSet && task.RetryAt > recorded.Entry.At + TimeSpan.FromMicroseconds(1)) Complain(recorded, $"a task was leased before its backoff was over");
        if (step.Spec.MaxParallel is { } most && step.Tasks.Values.Count(t => t.Lease is not null) >= most) Complain(recorded, $"more than max_parallel = {most} tasks run");
        if (step.Spec.Join is { } join) CheckJoin(recorded, run, step, join, e.Split);
        (task.Lease, task.NextAttempt, task.RetryAt, task.Cancelled) = (e, e.Attempt + 1, null, false);
    }

    private void CheckJoin(Recorded recorded, RunLife run, StepLife step, JoinSpec join, int split)
    {
        var expected = step.Expected.TryGetValue(split, out var count) ? count
            : run.Spec.Steps.Select(s => s.Next).OfType<StaticSplit>().Any() ? -1 : throw new InvalidOperationException("a join without an opener");
        var arrived = step.MembersOf(split).Count;
        if (expected >= 0 && join.Kind == JoinKind.All && arrived != expected) Complain(recorded, $"a join was leased with {arrived} of {expected} members");
        if (expected >= 0 && join.Kind == JoinKind.Any && arrived < Math.Min(join.Count, expected)) Complain(recorded, $"a join was leased with {arrived} members, and needs {join.Count}");
        if (expected >= 0 && join.Kind == JoinKind.Tolerate && arrived < expected - join.Count) Complain(recorded, $"a join was leased with {arrived} of {expected} members, and tolerates {join.Count}");
    }

    private void End(Recorded recorded, TaskLife task, int attempt, string how)
    {
        if (task.Lease is not { } lease) Complain(recorded, $"attempt {attempt} {how} without a lease");
        else if (lease.Attempt != attempt) Complain(recorded, $"attempt {attempt} {how}, while attempt {lease.Attempt} was leased");
        task.Lease = null;
    }

    // A gang has one budget for all of its tasks.
    private static int FailuresOf(StepLife step, TaskLife task) => step.IsGang ? step.Tasks.Values.Sum(t => t.Failures) : task.Failures;

    // Losses never count as the user's failures: a task fails for good, or is caught, only after as many failures as it may have.
    private void CheckFinalFailure(Recorded recorded, StepLife step, TaskLife task, TaskError error, int counted)
    {
        if (error.Type is "switch_no_case" or "loop_bound" or "foreach_source") return;
        if (counted < step.Spec.Retry.MaxAttempts) Complain(recorded, $"a task failed for good after {counted} failures and {task.Losses} losses; max_attempts is {step.Spec.Retry.MaxAttempts}");
    }

    private static void Renew(TaskLife task)
    {
        (task.Failures, task.Losses, task.FailedForGood, task.Cancelled, task.SucceededIn, task.RetryAt, task.Killed) = (0, 0, false, false, null, null, false);
        task.Skipped = false;
    }

    private void Complain(Recorded recorded, string what) => Violations.Add(new Violation(recorded.Stream.RunId, recorded.Position, $"{recorded.Stream}: {what}: {recorded.Json}"));
}
