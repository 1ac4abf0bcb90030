using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

// What is told of an entity to those who watch: counts, waits, traces, lines of the log. Nothing else depends on it.
internal sealed partial class Activation
{
    private WaitTimes? _waits;
    private Trail? _trail;
    private bool _mayHaveMissed;

    /// <summary>Since when a ready task of a step waits, by the node's uptime; null when none does.</summary>
    public TimeSpan? WaitsSince => _waits?.Oldest;

    // All of it is durable.
    private void Observe(Leg leg)
    {
        EngineInstruments.Count(leg.Entity, leg.Append.Events);
        if (leg.Entity is RunEntity run)
            foreach (var entry in leg.Append.Events)
                if (entry.Event is RunEnded ended) node.RunEnded(run, ended.Status);
        if (_trail is not null)
            foreach (var entry in leg.Append.Events) _trail.Follow(entry, tells: true);
        if (node.Options.Log is { } log)
            foreach (var entry in leg.Append.Events)
                if (log.Takes(entry.Event)) log.Landed(leg.Entity, entry);
    }

    // What ended shortly before, and may not have got out, is told again: by a node that died, or in an append that seemed to have failed.
    private void StartTrail(Entity entity, IReadOnlyList<JournalEvent> events)
    {
        _trail = Trail.Of(entity, node.Options.Traces);
        if (_trail is null) return;
        foreach (var entry in events) _trail.Follow(entry, node.IsToldAgain(entry.At, _mayHaveMissed));
        _mayHaveMissed = false;
    }

    // What was ready before waits since then, as far as is known here: since the step changed last.
    private void StartWaits(StepEntity step, DateTimeOffset changedAt)
    {
        if (step.Ready <= 0) return;
        var (now, age) = (node.Uptime, node.Now - changedAt);
        (_waits ??= new WaitTimes()).Change(step.Ready, leased: 0, age > TimeSpan.Zero ? now - age : now, now);
    }

    private void TimeWaits(Leg leg)
    {
        var leased = 0;
        foreach (var entry in leg.Append.Events)
            if (entry.Event is TaskLeased) leased++;
        if (leg.Ready > 0 || leased > 0 || _waits is not null) (_waits ??= new WaitTimes()).Change(leg.Ready, leased, leg.DecidedAt, node.Uptime);
    }
}
