using System.Buffers;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Events that one command decided on one stream, one after another, encoded as one JSON array.</summary>
/// <param name="Count">How many.</param>
internal readonly record struct EventFrame(int Count, int Format, byte[] Payload)
{
    /// <summary>Events in one frame: whoever reads one of them reads all.</summary>
    private const int MostEvents = 512;

    /// <summary>A frame that has as many bytes takes no further event.</summary>
    private const int MostBytes = 64 * 1024;

    public static IReadOnlyList<EventFrame> Of(IReadOnlyList<JournalEvent> events)
    {
        var frames = new List<EventFrame>();
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer);
        for (var first = 0; first < events.Count;)
        {
            buffer.ResetWrittenCount();
            json.Reset(buffer);
            json.WriteStartArray();
            var (end, format) = (first, 1);
            do
            {
                EventCodec.Write(json, events[end].Event);
                format = Math.Max(format, JournalFormat.Of(events[end].Event));
                end++;
            }
            while (end < events.Count && end - first < MostEvents && json.BytesCommitted + json.BytesPending < MostBytes && events[end].At == events[first].At && events[end].Actor == events[first].Actor);
            json.WriteEndArray();
            json.Flush();
            frames.Add(new EventFrame(end - first, format, buffer.WrittenSpan.ToArray()));
            first = end;
        }
        return frames;
    }

    /// <param name="last">Sequence of its last event.</param>
    /// <exception cref="JournalFormatException">An event is newer than this release, or is no event; or there are not as many as there should be.</exception>
    public static IReadOnlyList<JournalEvent> Read(string stream, long last, int count, DateTimeOffset at, string actor, long version, byte[] payload)
    {
        var events = new List<JournalEvent>(Math.Clamp(count, 0, MostEvents));
        var first = last - count + 1;
        EventCodec.CheckVersion(stream, first, version);
        var json = new Utf8JsonReader(payload);
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartArray) throw new JsonException("It is no array of events.");
            while (json.Read() && json.TokenType != JsonTokenType.EndArray)
            {
                if (events.Count == count) throw new JsonException($"There are more than the {count} events that it is to hold.");
                events.Add(new JournalEvent(first + events.Count, at, actor, EventCodec.Read(stream, first + events.Count, ref json)));
            }
            if (events.Count != count) throw new JsonException($"There are {events.Count} events where it is to hold {count}.");
            if (json.Read()) throw new JsonException("Something follows the last event.");
        }
        catch (JsonException error)
        {
            throw EventCodec.Unreadable(stream, first + events.Count, error.Message, error);
        }
        return events;
    }
}
