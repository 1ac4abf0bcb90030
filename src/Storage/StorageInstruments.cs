using System.Diagnostics.Metrics;
using Fanfare.Contracts;
using Fanfare.Storage.Common;

namespace Fanfare.Storage;

/// <summary>What the journals of this process count and time, in SQLite and in PostgreSQL alike.</summary>
public static class StorageInstruments
{
    private static readonly InstrumentAdvice<double> _flushes = new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] };

    private static readonly InstrumentAdvice<long> _batches = new() { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000] };

    private static readonly KeyValuePair<string, object?>
        _committed = Telemetry.Tag(Telemetry.Outcome, "committed"), _fenced = Telemetry.Tag(Telemetry.Outcome, "fenced"), _failed = Telemetry.Tag(Telemetry.Outcome, "failed");

    private static readonly Meter _meter = new(Telemetry.Meter);

    private static readonly Counter<long>
        _appends = _meter.CreateCounter<long>("fanfare.journal.appends", "{append}", "Appends that were answered, by outcome: durable, refused since another owns a stream, or failed."),
        _refusals = _meter.CreateCounter<long>("fanfare.journal.refusals", "{commit}", "Commits that the disk or the database did not take, and that are tried again."),
        _tenuresBegun = _meter.CreateCounter<long>("fanfare.tenure.begun", "{tenure}", "Times that this server became the leader, or joined the nodes, of a journal in PostgreSQL."),
        _tenuresLost = _meter.CreateCounter<long>("fanfare.tenure.lost", "{tenure}", "Times that other servers took over from this one, for it hung or was cut off.");

    private static readonly Histogram<double> _commitDuration =
        _meter.CreateHistogram("fanfare.journal.commit.duration", "s", "From when a batch of the journal was complete to when it was durable, tries that failed among it.", advice: _flushes);

    private static readonly Histogram<long>
        _batchWrites = _meter.CreateHistogram("fanfare.journal.batch.writes", "{write}", "Appends and acknowledgements that shared a flush.", advice: _batches),
        _batchEvents = _meter.CreateHistogram("fanfare.journal.batch.events", "{event}", "Events that shared a flush.", advice: _batches);

    /// <summary>Has every count be seen from now on, at 0 until the first time.</summary>
    public static void Begin()
    {
        foreach (var counter in (Counter<long>[])[_refusals, _tenuresBegun, _tenuresLost]) counter.Add(0);
        foreach (var outcome in (KeyValuePair<string, object?>[])[_committed, _fenced, _failed]) _appends.Add(0, outcome);
    }

    /// <summary>A batch is durable.</summary>
    internal static void Committed(IReadOnlyList<PendingWrite> batch, TimeSpan took)
    {
        if (!_commitDuration.Enabled) return;
        _commitDuration.Record(took.TotalSeconds);
        _batchWrites.Record(batch.Count);
        var events = 0;
        foreach (var write in batch) events += write.Events;
        _batchEvents.Record(events);
    }

    /// <summary>The store did not take a batch, which is tried again.</summary>
    internal static void Refused() => _refusals.Add(1);

    /// <summary>An append is answered.</summary>
    /// <param name="outcome">Null for one that failed.</param>
    internal static void Answered(AppendOutcome? outcome) => _appends.Add(1, outcome is null ? _failed : outcome == AppendOutcome.Committed ? _committed : _fenced);

    /// <summary>A server leads, or is one of several from now on.</summary>
    /// <param name="lost">Cancelled when it was put out.</param>
    internal static void TenureBegan(CancellationToken lost)
    {
        _tenuresBegun.Add(1);
        lost.Register(static () => _tenuresLost.Add(1));
    }
}
