using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Fuzz.Kernel;
using Fanfare.Storage;

namespace Fanfare.Fuzz.Journal;

/// <summary>What must come of a stream whatever its bytes are: events that say all that the bytes say, or a declared error; and a replay, or a declared error.</summary>
internal static class ReplayVerdict
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private const long MostBytes = 512L * 1024 * 1024;

    public enum Outcome
    {
        Unreadable,
        Unfit,
        Replayed,
    }

    public static async Task<Outcome> OfAsync(JournalScene scene, StreamId stream, RunContext? context)
    {
        OpenedStream opened;
        try
        {
            opened = await scene.Store.Journal.OpenAsync(stream, default).WaitAsync(RealPatience);
        }
        catch (Exception e) when (e is JournalFormatException or DataDirectoryException && e.Message.Length > 20)
        {
            return Outcome.Unreadable;
        }
        var payloads = scene.Raw.Events().Where(e => e.Stream == stream.ToString()).OrderBy(e => e.Sequence).ToList();
        // An event that says all that came before it is the first that is needed, also where it does not belong there: that is for the replay to say.
        var needless = opened.Events is [{ Event: CarriedEvent } first, ..] ? (int)first.Sequence - 1 : 0;
        if (payloads.Count != needless + opened.Events.Count || opened.Sequence != payloads.Count) throw new FuzzException($"{stream} has {payloads.Count} events, {needless} of them needless, {opened.Events.Count} came.");
        foreach (var (payload, entry) in payloads.Skip(needless).Zip(opened.Events)) CheckWhole(payload, entry.Event);
        return Replay(stream, context, opened);
    }

    /// <summary>Members that are words of an enum.</summary>
    private static readonly string[] _words = [".status", ".dialect", ".gap", ".repeat", ".missed", ".overlap", ".provider", ".capacity", "].reason"];

    // Longer than any machine takes that is merely busy.
    private static readonly TimeSpan RealPatience = TimeSpan.FromSeconds(60);

    private static Outcome Replay(StreamId stream, RunContext? context, OpenedStream opened)
    {
        Exception? refused = null;
        var (_, cost) = ThreadCost.Of(() =>
        {
            try
            {
                Entity entity = stream.Kind switch
                {
                    StreamKind.Flow => new FlowEntity(stream),
                    StreamKind.Run => new RunEntity(stream, context!),
                    StreamKind.Schedule => new ScheduleEntity(stream),
                    StreamKind.Event => new EventEntity(stream),
                    StreamKind.Trigger => new TriggerEntity(stream),
                    StreamKind.Backfill => new BackfillEntity(stream),
                    StreamKind.Notice => new NoticeEntity(stream),
                    StreamKind.Pool => new PoolEntity(stream),
                    _ => new StepEntity(stream, context!, TimeSpan.FromMinutes(5)),
                };
                entity.Replay(opened.Events, opened.Acknowledged);
            }
            catch (Exception e)
            {
                refused = e;
            }
            return 0;
        });
        if (cost.Time > Patience || cost.Bytes > MostBytes) throw new FuzzException($"The replay of {stream} took {cost.Time} and {cost.Bytes} bytes.");
        return refused switch
        {
            null => Outcome.Replayed,
            JournalFormatException => Outcome.Unfit,
            _ => throw new FuzzException($"The replay of {stream} threw {refused}", refused),
        };
    }

    /// <summary>An event that was read says all that its bytes say, and nothing that they do not: no member was passed over, none was made up.</summary>
    private static void CheckWhole(RawEvent payload, Event read)
    {
        var written = JsonSerializer.SerializeToNode(read, ContractsJson.Default.Event);
        if (Difference(JsonNode.Parse(payload.Payload), written, "$") is { } difference)
            throw new FuzzException($"Event {payload.Sequence} of {payload.Stream} was read as something else: {difference}.{Environment.NewLine}{System.Text.Encoding.UTF8.GetString(payload.Payload)}{Environment.NewLine}{written?.ToJsonString()}");
    }

    private static string? Difference(JsonNode? bytes, JsonNode? read, string path)
    {
        switch (bytes, read)
        {
            case (JsonObject given, JsonObject taken):
                foreach (var name in given.Select(m => m.Key).Union(taken.Select(m => m.Key)))
                    if (Difference(given[name], taken[name], $"{path}.{name}") is { } difference) return difference;
                return null;
            case (JsonArray given, JsonArray taken) when given.Count == taken.Count:
                return given.Zip(taken).Select((pair, i) => Difference(pair.First, pair.Second, $"{path}[{i}]")).FirstOrDefault(d => d is not null);
            case (null, null):
                return null;
            case (JsonValue given, JsonValue taken) when given.GetValueKind() == taken.GetValueKind() && MeansTheSame(given, taken, isWord: _words.Any(word => path.EndsWith(word, StringComparison.Ordinal)), isReal: path.EndsWith(".cpu", StringComparison.Ordinal)):
                return null;
            default:
                return $"{path} is {bytes?.ToJsonString() ?? "nothing"} in the bytes and {read?.ToJsonString() ?? "nothing"} in the event";
        }
    }

    // Times and spans have several forms and are kept to a tenth of a microsecond, numbers have exponents, reals have 53 bits, and words of an enum are read in any case, and with and without what joins their parts.
    private static bool MeansTheSame(JsonValue given, JsonValue taken, bool isWord, bool isReal) => given.GetValueKind() switch
    {
        JsonValueKind.String when isWord => Bare(given).Equals(Bare(taken), StringComparison.OrdinalIgnoreCase),
        JsonValueKind.String => given.GetValue<string>() == taken.GetValue<string>() || (Time(given) is { } time && Time(taken) is { } other && (time - other).Duration() < TimeSpan.FromMicroseconds(1))
            || (Span(given) is { } span && span == Span(taken)),
        JsonValueKind.Number when isReal => given.GetValue<double>() == taken.GetValue<double>(),
        JsonValueKind.Number => given.GetValue<decimal>() == taken.GetValue<decimal>(),
        _ => true,
    };

    private static DateTimeOffset? Time(JsonValue value) =>
        DateTimeOffset.TryParse(value.GetValue<string>(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var time) ? time : null;

    private static string Bare(JsonValue word) => word.GetValue<string>().Replace("_", "", StringComparison.Ordinal);

    private static TimeSpan? Span(JsonValue value) => TimeSpan.TryParse(value.GetValue<string>(), CultureInfo.InvariantCulture, out var span) ? span : null;
}
