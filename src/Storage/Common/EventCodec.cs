using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Events as the database keeps them: UTF-8 JSON beside the version of the format it was written in.</summary>
internal static class EventCodec
{
    public static byte[] Write(Event value) => JsonSerializer.SerializeToUtf8Bytes(value, ContractsJson.Default.Event);

    /// <exception cref="JournalFormatException">The event is newer than this release, or is no event.</exception>
    public static Event Read(string stream, long sequence, long version, ReadOnlySpan<byte> payload)
    {
        if (version > JournalFormat.Version)
            throw new JournalFormatException(
                $"Event {sequence} of {stream} was written in journal format {version}, and this release reads up to format {JournalFormat.Version}. "
                + "Start the release that wrote it, or a later one.");
        if (version < 1) throw Unreadable(stream, sequence, $"it is of journal format {version}, and formats count from 1.", null);
        Event read;
        try
        {
            read = JsonSerializer.Deserialize(payload, StoredJson.Event) ?? throw new JsonException("The event is null.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            throw Unreadable(stream, sequence, error.Message, error);
        }
        return EventBounds.Finding(read) is { } finding ? throw Unreadable(stream, sequence, finding, null) : read;
    }

    private static JournalFormatException Unreadable(string stream, long sequence, string finding, Exception? error) => new(
        $"Event {sequence} of {stream} cannot be read: {finding} The journal is damaged, or a different release wrote it. "
        + "Start that release, or restore the data directory from a backup.", error!);
}
