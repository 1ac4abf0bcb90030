using System.Diagnostics.Metrics;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>What the engines of this process count and time. What became durable is counted from its events, a batch at a time, so nothing is counted that did not happen. What there is at the moment, <see cref="EngineGauges"/> says.</summary>
public static class EngineInstruments
{
    private const string Seconds = "s";

    /// <summary>Upper bounds in seconds: what is quick and what takes a day in one scale.</summary>
    private static readonly InstrumentAdvice<double> _untilADay = new() { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 28_800, 86_400] };

    private static readonly KeyValuePair<string, object?>
        _byCommand = Telemetry.Tag(Telemetry.Cause, "command"), _bySchedule = Telemetry.Tag(Telemetry.Cause, "schedule"), _byTrigger = Telemetry.Tag(Telemetry.Cause, "trigger"), _byBackfill = Telemetry.Tag(Telemetry.Cause, "backfill"),
        _succeeded = Telemetry.Tag(Telemetry.Outcome, "succeeded"), _failed = Telemetry.Tag(Telemetry.Outcome, "failed"), _cancelled = Telemetry.Tag(Telemetry.Outcome, "cancelled"),
        _skipped = Telemetry.Tag(Telemetry.Outcome, "skipped"), _lost = Telemetry.Tag(Telemetry.Outcome, "lost");

    private static readonly KeyValuePair<string, object?>[] _lossCauses =
        [Telemetry.Tag(Telemetry.Cause, "given_up"), Telemetry.Tag(Telemetry.Cause, "lease_expired"), Telemetry.Tag(Telemetry.Cause, "worker_restarted"), Telemetry.Tag(Telemetry.Cause, "gang_restarted"),
        Telemetry.Tag(Telemetry.Cause, "spot_interrupted"), Telemetry.Tag(Telemetry.Cause, "machine_ended")];

    private static readonly Dictionary<TriggerResult, KeyValuePair<string, object?>> _results =
        Enum.GetValues<TriggerResult>().ToDictionary(result => result, result => Telemetry.Tag(Telemetry.Outcome, result.ToString().ToLowerInvariant()));

    private static readonly KeyValuePair<string, object?> _told = Telemetry.Tag(Telemetry.Outcome, "told"), _later = Telemetry.Tag(Telemetry.Outcome, "later"), _dead = Telemetry.Tag(Telemetry.Outcome, "dead"), _dismissed = Telemetry.Tag(Telemetry.Outcome, "dismissed");

    private static readonly Meter _meter = new(Telemetry.Meter);

    private static readonly Counter<long>
        _events = _meter.CreateCounter<long>("fanfare.engine.events", "{event}", "Events that became durable."),
        _runsStarted = _meter.CreateCounter<long>("fanfare.run.started", "{run}", "Runs that began, by what began them."),
        _runsEnded = _meter.CreateCounter<long>("fanfare.run.ended", "{run}", "Runs that ended, by outcome. One that is reopened by a retry ends again."),
        _tasksEnded = _meter.CreateCounter<long>("fanfare.task.ended", "{task}", "Tasks that ended for good, by outcome. Tasks that are cancelled before they were leased are not among them."),
        _attemptsStarted = _meter.CreateCounter<long>("fanfare.attempt.started", "{attempt}", "Attempts at tasks that were leased to a worker."),
        _attemptsEnded = _meter.CreateCounter<long>("fanfare.attempt.ended", "{attempt}", "Attempts that ended, by outcome; lost ones were ended by the platform and not by the task."),
        _attemptsLost = _meter.CreateCounter<long>("fanfare.attempt.lost", "{attempt}", "Attempts that the platform lost, by cause."),
        _resultsRefused = _meter.CreateCounter<long>("fanfare.attempt.refused", "{result}", "Results that came under a token that was not the current attempt's, and changed nothing."),
        _timesLeftOut = _meter.CreateCounter<long>("fanfare.schedule.left_out", "{time}", "Times of schedules at which no run began: missed ones that are not made up for, and those for which there was no room."),
        _eventsPublished = _meter.CreateCounter<long>("fanfare.event.published", "{event}", "Events that were published, and ends of runs that a trigger listens for."),
        _triggered = _meter.CreateCounter<long>("fanfare.trigger.outcomes", "{outcome}", "What events came to at the triggers that listen for them, by outcome. Those that failed are dead letters; one that is tried again, or dismissed, counts again."),
        _notices = _meter.CreateCounter<long>("fanfare.notice.outcomes", "{outcome}", "What came of telling receivers of notices, by outcome. Those that failed for now are told later; those that are dead are dead letters."),
        _shardsGained = _meter.CreateCounter<long>("fanfare.node.shards.gained", "{shard}", "Shards of the journal that came to this node."),
        _shardsLost = _meter.CreateCounter<long>("fanfare.node.shards.lost", "{shard}", "Shards of the journal that went from this node to others.");

    private static readonly Histogram<double>
        _runDuration = _meter.CreateHistogram("fanfare.run.duration", Seconds, "From the start of a run to its end, by outcome.", advice: _untilADay),
        _attemptDuration = _meter.CreateHistogram("fanfare.attempt.duration", Seconds, "From the start of an attempt to its end, by the worker's clock, by outcome. Lost attempts have none.", advice: _untilADay),
        _taskWait = _meter.CreateHistogram("fanfare.task.wait.duration", Seconds, "From when a task could start, were a worker there, to when its lease was durable.", advice: _untilADay),
        _scheduleDelay = _meter.CreateHistogram("fanfare.schedule.delay", Seconds, "How much later than at its time a run of a schedule began. Jitter, waiting for earlier runs, and missed times that are made up for are in it.", advice: _untilADay);

    /// <summary>Has every count be seen from now on, at 0 until the first time: what comes out of nowhere at 1 is no rise to who watches.</summary>
    public static void Begin()
    {
        foreach (var counter in (Counter<long>[])[_events, _attemptsStarted, _resultsRefused, _timesLeftOut, _eventsPublished, _shardsGained, _shardsLost]) counter.Add(0);
        foreach (var cause in (KeyValuePair<string, object?>[])[_byCommand, _bySchedule, _byTrigger, _byBackfill]) _runsStarted.Add(0, cause);
        foreach (var outcome in (KeyValuePair<string, object?>[])[_succeeded, _failed, _cancelled]) _runsEnded.Add(0, outcome);
        foreach (var outcome in (KeyValuePair<string, object?>[])[_succeeded, _failed, _cancelled, _skipped]) _tasksEnded.Add(0, outcome);
        foreach (var outcome in (KeyValuePair<string, object?>[])[_succeeded, _failed, _cancelled, _lost]) _attemptsEnded.Add(0, outcome);
        foreach (var result in _results.Values) _triggered.Add(0, result);
        foreach (var outcome in (KeyValuePair<string, object?>[])[_told, _later, _dead, _dismissed]) _notices.Add(0, outcome);
        foreach (var cause in _lossCauses) _attemptsLost.Add(0, cause);
    }

    /// <summary>Counts what has become durable of an entity. Costs next to nothing while nobody listens.</summary>
    internal static void Count(Entity entity, IReadOnlyList<JournalEvent> events)
    {
        if (events.Count == 0 || !_events.Enabled) return;
        var tally = new Tally();
        foreach (var entry in events) Count(entity, entry, ref tally);
        Add(_events, events.Count);
        Add(_attemptsStarted, tally.Leased);
        Add(_attemptsEnded, tally.Succeeded, _succeeded);
        Add(_tasksEnded, tally.TasksSucceeded, _succeeded);
    }

    /// <summary>Times a task's wait that has ended.</summary>
    internal static void Waited(TimeSpan wait, int tasks)
    {
        if (!_taskWait.Enabled) return;
        for (var i = 0; i < tasks; i++) _taskWait.Record(wait.TotalSeconds);
    }

    internal static void ShardsCame(int count) => _shardsGained.Add(count);

    internal static void ShardsWent(int count) => _shardsLost.Add(count);

    // What comes in thousands is added up, what is rare is counted as it comes.
    private static void Count(Entity entity, JournalEvent entry, ref Tally tally)
    {
        switch (entry.Event)
        {
            case TaskLeased:
                tally.Leased++;
                break;
            case TaskSucceeded e:
                tally.TasksSucceeded++;
                if (e.Caught is null) tally.Succeeded++;
                else _attemptsEnded.Add(1, _failed);
                Time(e.StartedAt, e.EndedAt, e.Caught is null ? _succeeded : _failed);
                break;
            case TaskFailed e:
                if (e.RetryAt is null) _tasksEnded.Add(1, _failed);
                if (e.Error.Type == "losses") Lose(e.Error.Message);
                else if (e.Attempt >= 0) _attemptsEnded.Add(1, _failed);
                if (e.StartedAt is { } started) Time(started, e.EndedAt, _failed);
                break;
            case TaskLost e:
                Lose(e.Reason);
                break;
            case TaskCancelled e:
                _tasksEnded.Add(1, _cancelled);
                if (e.Attempt >= 0) _attemptsEnded.Add(1, _cancelled);
                break;
            case TaskSkipped:
                _tasksEnded.Add(1, _skipped);
                break;
            case ResultRefused:
                _resultsRefused.Add(1);
                break;
            case RunStarted e:
                _runsStarted.Add(1, e.Cause is null ? _byCommand : e.Cause.Backfill is not null ? _byBackfill : e.Cause.Trigger is null ? _bySchedule : _byTrigger);
                if (e.Cause is { Interval: { } interval, Backfill: null }) _scheduleDelay.Record(Math.Max(0, (entry.At - interval.End).TotalSeconds));
                break;
            case RunEnded e:
                var outcome = e.Status == RunStatus.Succeeded ? _succeeded : e.Status == RunStatus.Failed ? _failed : _cancelled;
                _runsEnded.Add(1, outcome);
                if (entity is RunEntity run) _runDuration.Record(Math.Max(0, (entry.At - run.CreatedAt).TotalSeconds), outcome);
                break;
            case EventPublished e:
                _eventsPublished.Add(1);
                foreach (var came in e.Outcomes) _triggered.Add(1, _results[came.Result]);
                break;
            case EventRedriven e:
                foreach (var came in e.Outcomes) _triggered.Add(1, _results[came.Result]);
                break;
            case DeadLettersDismissed e:
                Add(_triggered, e.Triggers.Count, _results[TriggerResult.Dismissed]);
                break;
            case NoticeTold:
                _notices.Add(1, _told);
                break;
            case NoticeFailed e:
                _notices.Add(1, e.Again is null ? _dead : _later);
                break;
            case NoticeDismissed e:
                Add(_notices, e.Receivers.Count, _dismissed);
                break;
            case ScheduleAdvanced e:
                Add(_timesLeftOut, e.Skipped + e.Dropped);
                break;
        }
    }

    private static void Lose(string words)
    {
        _attemptsEnded.Add(1, _lost);
        _attemptsLost.Add(1, _lossCauses[(int)LossCauses.Of(words)]);
    }

    // A worker's clock may be set while a task runs.
    private static void Time(DateTimeOffset started, DateTimeOffset ended, KeyValuePair<string, object?> outcome) => _attemptDuration.Record(Math.Max(0, (ended - started).TotalSeconds), outcome);

    private static void Add(Counter<long> counter, long count)
    {
        if (count > 0) counter.Add(count);
    }

    private static void Add(Counter<long> counter, long count, KeyValuePair<string, object?> tag)
    {
        if (count > 0) counter.Add(count, tag);
    }

    private struct Tally
    {
        public long Leased, Succeeded, TasksSucceeded;
    }
}
