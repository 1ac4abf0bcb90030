using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Storage.Common;

/// <summary>How far a journal had come, noted outside of it: a journal that is found behind its mark was restored from a backup.</summary>
/// <param name="Incarnation">The journal's life.</param>
/// <param name="Term">Of the server that noted it.</param>
/// <param name="Progress">Grows with what is written; means what the journal takes it to mean.</param>
/// <param name="File">Which file the journal was in; null where that says nothing.</param>
internal sealed record JournalMark(string Incarnation, long Term, long Progress, string? File = null)
{
    /// <summary>What is written is at most a sentence; more was not written by this program.</summary>
    private const int MostBytes = 4096;

    /// <summary>Whether a journal that has come so far cannot be what was marked.</summary>
    public bool IsAheadOf(string incarnation, long term, long progress) => Incarnation != incarnation || Term > term || Progress > progress;

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, MarkJson.Default.JournalMark);

    /// <summary>A mark that cannot be read is ahead of everything.</summary>
    public static async Task<JournalMark> ReadAsync(Stream from, CancellationToken cancellationToken)
    {
        var bytes = new byte[MostBytes];
        var length = await from.ReadAtLeastAsync(bytes, MostBytes, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return Read(bytes.AsSpan(0, length));
    }

    public static JournalMark Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (JsonSerializer.Deserialize(bytes, MarkJson.Default.JournalMark) is { Incarnation: not null } mark) return mark;
        }
        catch (JsonException)
        {
            // Torn, or somebody else's.
        }
        return new JournalMark("", long.MaxValue, long.MaxValue);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JournalMark))]
internal sealed partial class MarkJson : JsonSerializerContext;
