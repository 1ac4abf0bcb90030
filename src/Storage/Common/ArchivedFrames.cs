using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Events out of a store as lines of an archive: as they stand there, whatever version wrote them.</summary>
internal static class ArchivedFrames
{
    /// <summary>The events of a frame, which is a JSON array of them.</summary>
    /// <param name="position">Of its last event, as is <paramref name="last"/>.</param>
    /// <exception cref="JournalFormatException">It is not so many events.</exception>
    public static IReadOnlyList<ArchiveLine> Read(long position, string stream, long last, int count, DateTimeOffset at, string actor, int version, byte[] payload)
    {
        var frame = Parse(stream, last, payload);
        if (frame.ValueKind != JsonValueKind.Array || frame.GetArrayLength() != count) throw EventCodec.Unreadable(stream, last, $"it is not an array of {count} events.", null);
        var id = Id(stream);
        return [.. frame.EnumerateArray().Select((e, i) => Line(position - count + 1 + i, id, last - count + 1 + i, at, actor, version, e))];
    }

    /// <summary>One event.</summary>
    /// <exception cref="JournalFormatException">It is no JSON.</exception>
    public static ArchiveLine ReadOne(long position, string stream, long sequence, DateTimeOffset at, string actor, int version, byte[] payload) =>
        Line(position, Id(stream), sequence, at, actor, version, Parse(stream, sequence, payload));

    private static ArchiveLine Line(long position, StreamId stream, long sequence, DateTimeOffset at, string actor, int version, JsonElement payload) =>
        new() { Event = new ArchivedEvent(position, stream, sequence, at, actor, version, payload) };

    private static StreamId Id(string stream) =>
        StreamId.TryParse(stream, out var id) ? id : throw new JournalFormatException($"The journal names a stream '{stream}', which is no stream id. It is damaged; restore it from a backup.");

    private static JsonElement Parse(string stream, long sequence, byte[] payload)
    {
        try
        {
            return JsonDocument.Parse(payload).RootElement;
        }
        catch (JsonException error)
        {
            throw EventCodec.Unreadable(stream, sequence, error.Message, error);
        }
    }
}
