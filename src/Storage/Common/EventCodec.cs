using System.Buffers;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Events as the database keeps them: UTF-8 JSON beside the version of the format it was written in.</summary>
internal static class EventCodec
{
    public static byte[] Write(Event value)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        Write(json, value);
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes what the serializer would. The two events that there are for every task are written by hand, in a third of its time.</summary>
    public static void Write(Utf8JsonWriter json, Event value)
    {
        switch (value)
        {
            case TaskLeased e:
                Begin(json, "task_leased"u8, e.Split, e.Attempt);
                json.WriteString("token"u8, e.Token);
                json.WriteString("worker"u8, e.Worker);
                json.WriteString("boot"u8, e.Boot);
                json.WriteEndObject();
                break;
            case TaskSucceeded { Items: null, Caught: null, Artifacts: null } e:
                Begin(json, "task_succeeded"u8, e.Split, e.Attempt);
                json.WriteString("started_at"u8, e.StartedAt);
                json.WriteString("ended_at"u8, e.EndedAt);
                if (e.Output is not null) json.WriteString("output"u8, e.Output);
                if (e.Chosen is not null) json.WriteString("chosen"u8, e.Chosen);
                json.WriteNumber("count"u8, e.Count);
                json.WriteEndObject();
                break;
            default:
                JsonSerializer.Serialize(json, value, ContractsJson.Default.Event);
                break;
        }
    }

    private static void Begin(Utf8JsonWriter json, ReadOnlySpan<byte> type, int split, int attempt)
    {
        json.WriteStartObject();
        json.WriteString("t"u8, type);
        json.WriteNumber("split"u8, split);
        json.WriteNumber("attempt"u8, attempt);
    }

    /// <exception cref="JournalFormatException">The event is newer than this release, or is no event.</exception>
    public static Event Read(string stream, long sequence, long version, ReadOnlySpan<byte> payload)
    {
        CheckVersion(stream, sequence, version);
        var json = new Utf8JsonReader(payload);
        var read = Read(stream, sequence, ref json);
        try
        {
            if (json.Read()) throw new JsonException("Something follows the event.");
        }
        catch (JsonException error)
        {
            throw Unreadable(stream, sequence, error.Message, error);
        }
        return read;
    }

    /// <exception cref="JournalFormatException">The event is newer than this release.</exception>
    public static void CheckVersion(string stream, long sequence, long version)
    {
        if (version > JournalFormat.Version)
            throw new JournalFormatException(
                $"Event {sequence} of {stream} was written in journal format {version}, and this release reads up to format {JournalFormat.Version}. "
                + "Start the release that wrote it, or a later one.");
        if (version < 1) throw Unreadable(stream, sequence, $"it is of journal format {version}, and formats count from 1.", null);
    }

    /// <summary>Reads the event at which the reader stands, or before which it does.</summary>
    /// <exception cref="JournalFormatException">It is no event.</exception>
    public static Event Read(string stream, long sequence, ref Utf8JsonReader json)
    {
        Event read;
        try
        {
            read = JsonSerializer.Deserialize(ref json, StoredJson.Event) ?? throw new JsonException("The event is null.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            throw Unreadable(stream, sequence, error.Message, error);
        }
        return EventBounds.Finding(read) is { } finding ? throw Unreadable(stream, sequence, finding, null) : read;
    }

    public static JournalFormatException Unreadable(string stream, long sequence, string finding, Exception? error) => new(
        $"Event {sequence} of {stream} cannot be read: {finding} The journal is damaged, or a different release wrote it. "
        + "Start that release, or restore the data directory from a backup.", error!);
}
