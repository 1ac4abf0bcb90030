using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Read;

/// <summary>Rows from the columns that read.sql's fragments name, in their order.</summary>
internal static class RowReader
{
    public static DeploymentRow Deployment(Statement s) =>
        new(s.Text(0), s.Text(1), s.Int(2), s.Text(3), s.Text(4), s.Text(5), s.TextOrNull(6), Instant.FromMicroseconds(s.Long(7)), s.Text(8), Instant.FromMicroseconds(s.LongOrNull(9)));

    public static RunRow Run(Statement s) =>
        new(s.Text(1), s.Text(2), s.Text(3), s.Int(4), Codes.Run(s.Int(5)), s.Text(6),
            Whole(JsonSerializer.Deserialize(s.Text(7), StoredJson.Words)), s.Int(8), s.TextOrNull(9), s.Text(10), s.Int(11),
            Instant.FromMicroseconds(s.Long(12)), Instant.FromMicroseconds(s.LongOrNull(13)), Error(s.TextOrNull(14)));

    public static StepRow Step(Statement s)
    {
        var stream = Stream(s.Text(0));
        return new(stream.Namespace, stream.RunId!, stream.StepKey, Codes.Step(s.Int(1)), s.Int(2) == 1, s.Int(3), s.Int(4), s.Int(5), s.Int(6), s.Int(7), s.Int(8),
            Instant.FromMicroseconds(s.Long(9)), Instant.FromMicroseconds(s.LongOrNull(10)));
    }

    public static TaskRow Task(Statement s, StreamId stream, StepKey key) =>
        new(stream.Namespace, stream.RunId!, key, s.Int(1), Codes.Task(s.Int(2)), s.Int(3), s.TextOrNull(4), Instant.FromMicroseconds(s.LongOrNull(5)),
            Instant.FromMicroseconds(s.LongOrNull(6)), Instant.FromMicroseconds(s.LongOrNull(7)), Error(s.TextOrNull(8)), s.TextOrNull(9), Artifacts(s.TextOrNull(10)));

    public static AttemptRow Attempt(Statement s, string ns, string run, StepKey key, int split) =>
        new(ns, run, key, split, s.Int(0), Codes.Attempt(s.Int(1)), s.Text(2), s.Text(3), Instant.FromMicroseconds(s.Long(4)),
            Instant.FromMicroseconds(s.LongOrNull(5)), Instant.FromMicroseconds(s.LongOrNull(6)), Error(s.TextOrNull(7)));

    public static ScheduleRow Schedule(Statement s) => new(s.Text(0), s.Text(1), s.Text(2), Instant.FromMicroseconds(s.LongOrNull(3)), Standings.Read(s.Text(4)));

    public static TriggerRow Trigger(Statement s) => new(s.Text(0), s.Text(1), s.Text(2), Standings.ReadTrigger(s.Text(3)));

    public static EventRow Event(Statement s) => new(
        s.Text(1), s.Text(2), new EventOrigin(Codes.Event(s.Int(3)), s.Text(4)), s.Text(5), s.TextOrNull(6), s.Text(7), Instant.FromMicroseconds(s.Long(8)), Standings.ReadOutcomes(s.Text(9)));

    public static NoticeRow Notice(Statement s) => new(s.Text(1), s.Text(2), s.Text(3), Instant.FromMicroseconds(s.Long(4)), Standings.ReadNotice(s.Text(5)));

    public static BackfillRow Backfill(Statement s) => new(s.Text(1), s.Text(2), s.Text(3), s.Text(4), s.Text(5), Instant.FromMicroseconds(s.Long(6)), Standings.ReadBackfill(s.Text(7)));

    public static PoolRow Pool(Statement s) => new(s.Text(0), Standings.ReadPool(s.Text(1)));

    public static DeadLetterRow DeadLetter(Statement s) => new(
        s.Text(0), s.Text(1), s.Text(2), s.Text(3), new EventOrigin(Codes.Event(s.Int(4)), s.Text(5)), Instant.FromMicroseconds(s.Long(6)), s.Text(7));

    public static IReadOnlyList<Artifact>? Artifacts(string? json) =>
        json is null ? null : Whole(JsonSerializer.Deserialize(json, StoredJson.Artifacts));

    /// <exception cref="JournalFormatException">The name in the database is no stream's.</exception>
    public static StreamId Stream(string name) =>
        StreamId.TryParse(name, out var stream) ? stream : throw new JournalFormatException($"The journal names a stream '{name}', which is no stream id. It is damaged; restore the data directory from a backup.");

    private static TaskError? Error(string? json) => json is null ? null : JsonSerializer.Deserialize(json, StoredJson.TaskError);

    private static IReadOnlyList<T> Whole<T>(IReadOnlyList<T>? list)
        where T : class => list is null || list.Any(item => item is null) ? throw new JsonException("A list is null, or holds one.") : list;
}
