using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Worker.Processes;
using Microsoft.Win32.SafeHandles;

namespace Fanfare.Worker;

/// <summary>Reads <c>$FANFARE_OUTPUT</c>: one JSON object, or nothing.</summary>
internal static class OutputFile
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The object's text; null when the task wrote none.</summary>
    /// <exception cref="AttemptFailure">It is too large, or no JSON object.</exception>
    public static async Task<string?> ReadAsync(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path)) return Directory.Exists(path) ? throw Bad("it is a directory") : null;
        byte[] bytes;
        try
        {
            using SafeFileHandle handle = Libc.OpenWithoutWaiting(path);
            await using var file = new FileStream(handle, FileAccess.Read, bufferSize: 0);
            if (!file.CanSeek) throw Bad("it is no regular file");
            if (file.Length > Limits.OutputBytes)
                throw AttemptFailure.Failed("output_too_large", $"The task put out {file.Length} bytes; the limit is {Limits.OutputBytes}. Write large results to a file in $FANFARE_ARTIFACTS.");
            bytes = new byte[file.Length];
            await file.ReadExactlyAsync(bytes, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad(e.Message);
        }
        string text;
        try
        {
            text = Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Bad("it is not UTF-8");
        }
        if (string.IsNullOrWhiteSpace(text)) return null;
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw Bad($"it is a JSON {document.RootElement.ValueKind.ToString().ToLowerInvariant()}");
            // Decodes what parsing alone does not: half of a surrogate pair, written as an escape, is no text to anyone who reads it.
            if (!IsText(document.RootElement)) throw Bad("it holds a string with half a surrogate pair");
            return text.Trim();
        }
        catch (JsonException e)
        {
            throw Bad($"it is not JSON: {e.Message}");
        }
    }

    private static bool IsText(JsonElement element)
    {
        try
        {
            return element.ValueKind switch
            {
                JsonValueKind.String => element.GetString() is not null,
                JsonValueKind.Array => element.EnumerateArray().All(IsText),
                JsonValueKind.Object => element.EnumerateObject().All(m => m.Name is not null && IsText(m.Value)),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static AttemptFailure Bad(string what) =>
        AttemptFailure.Failed("bad_output", $"$FANFARE_OUTPUT must hold one JSON object, and {what}. Write an object such as {{\"rows\": 3}}, or nothing.");
}
