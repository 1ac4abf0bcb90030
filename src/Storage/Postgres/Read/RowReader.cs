using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres.Read;

/// <summary>Rows from the columns that postgres_read.sql's fragments name, in their order.</summary>
internal static class RowReader
{
    public static DeploymentRow Deployment(NpgsqlDataReader r) =>
        new(r.GetString(0), r.GetString(1), r.GetInt32(2), r.GetString(3), r.GetString(4), r.GetString(5), TextOrNull(r, 6), Time(r, 7), r.GetString(8), TimeOrNull(r, 9));

    public static RunRow Run(NpgsqlDataReader r) =>
        new(r.GetString(1), r.GetString(2), r.GetString(3), r.GetInt32(4), Codes.Run(r.GetInt16(5)), r.GetString(6),
            Whole(JsonSerializer.Deserialize(r.GetString(7), StoredJson.Words)), r.GetInt32(8), TextOrNull(r, 9), r.GetString(10), r.GetInt32(11),
            Time(r, 12), TimeOrNull(r, 13), Error(r, 14));

    public static StepRow Step(NpgsqlDataReader r)
    {
        var stream = Stream(r.GetString(0));
        return new(stream.Namespace, stream.RunId!, stream.StepKey, Codes.Step(r.GetInt16(1)), r.GetBoolean(2), r.GetInt32(3), r.GetInt32(4), r.GetInt32(5),
            r.GetInt32(6), r.GetInt32(7), r.GetInt32(8), Time(r, 9), TimeOrNull(r, 10));
    }

    public static TaskRow Task(NpgsqlDataReader r, StreamId stream, StepKey key) =>
        new(stream.Namespace, stream.RunId!, key, r.GetInt32(1), Codes.Task(r.GetInt16(2)), r.GetInt32(3), TextOrNull(r, 4),
            TimeOrNull(r, 5), TimeOrNull(r, 6), TimeOrNull(r, 7), Error(r, 8), TextOrNull(r, 9), Artifacts(r, 10));

    public static AttemptRow Attempt(NpgsqlDataReader r, string ns, string run, StepKey key, int split) =>
        new(ns, run, key, split, r.GetInt32(0), Codes.Attempt(r.GetInt16(1)), r.GetString(2), r.GetString(3), Time(r, 4), TimeOrNull(r, 5), TimeOrNull(r, 6), Error(r, 7));

    public static ScheduleRow Schedule(NpgsqlDataReader r) => new(r.GetString(0), r.GetString(1), r.GetString(2), TimeOrNull(r, 3), Standings.Read(r.GetString(4)));

    public static TriggerRow Trigger(NpgsqlDataReader r) => new(r.GetString(0), r.GetString(1), r.GetString(2), Standings.ReadTrigger(r.GetString(3)));

    public static EventRow Event(NpgsqlDataReader r) => new(
        r.GetString(1), r.GetString(2), new EventOrigin(Codes.Event(r.GetInt16(3)), r.GetString(4)), r.GetString(5), TextOrNull(r, 6), r.GetString(7), Time(r, 8), Standings.ReadOutcomes(r.GetString(9)));

    public static NoticeRow Notice(NpgsqlDataReader r) => new(r.GetString(1), r.GetString(2), r.GetString(3), Time(r, 4), Standings.ReadNotice(r.GetString(5)));

    public static BackfillRow Backfill(NpgsqlDataReader r) => new(r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5), Time(r, 6), Standings.ReadBackfill(r.GetString(7)));

    public static PoolRow Pool(NpgsqlDataReader r) => new(r.GetString(0), Standings.ReadPool(r.GetString(1)));

    public static DeadLetterRow DeadLetter(NpgsqlDataReader r) => new(
        r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), new EventOrigin(Codes.Event(r.GetInt16(4)), r.GetString(5)), Time(r, 6), r.GetString(7));

    public static OpenCounts Open(NpgsqlDataReader r) =>
        new(Count(r, 0), Count(r, 1), Codes.ActiveRuns.Select((status, place) => (status, Count: Count(r, 2 + place))).ToDictionary(runs => runs.status, runs => runs.Count));

    public static IReadOnlyList<Artifact>? Artifacts(NpgsqlDataReader r, int column) =>
        TextOrNull(r, column) is { } json ? Whole(JsonSerializer.Deserialize(json, StoredJson.Artifacts)) : null;

    public static string? TextOrNull(NpgsqlDataReader r, int column) => r.IsDBNull(column) ? null : r.GetString(column);

    /// <exception cref="JournalFormatException">The name in the database is no stream's.</exception>
    public static StreamId Stream(string name) =>
        StreamId.TryParse(name, out var stream) ? stream : throw new JournalFormatException($"The journal names a stream '{name}', which is no stream id. It is damaged; restore the database from a backup.");

    private static int Count(NpgsqlDataReader r, int column) => checked((int)r.GetInt64(column));

    private static DateTimeOffset Time(NpgsqlDataReader r, int column) => Instant.FromMicroseconds(r.GetInt64(column));

    private static DateTimeOffset? TimeOrNull(NpgsqlDataReader r, int column) => r.IsDBNull(column) ? null : Time(r, column);

    private static TaskError? Error(NpgsqlDataReader r, int column) =>
        TextOrNull(r, column) is { } json ? JsonSerializer.Deserialize(json, StoredJson.TaskError) : null;

    private static IReadOnlyList<T> Whole<T>(IReadOnlyList<T>? list)
        where T : class => list is null || list.Any(item => item is null) ? throw new JsonException("A list is null, or holds one.") : list;
}
