using System.Text;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Reads request bodies strictly, and says which field is wrong.</summary>
internal static class Body
{
    private static readonly string[] YamlTypes = ["application/yaml", "application/x-yaml", "text/yaml"];

    /// <summary>Whether the body is a file that people write, as it is.</summary>
    public static bool IsYaml(HttpContext http) => YamlTypes.Contains(http.Request.ContentType?.Split(';')[0].Trim(), StringComparer.OrdinalIgnoreCase);

    /// <summary>The body as JSON; <paramref name="fallback"/> where the body is empty and one is given.</summary>
    /// <exception cref="ApiFault">Not JSON, or not this type.</exception>
    public static async Task<T> ReadJsonAsync<T>(HttpContext http, T? fallback = null)
        where T : class
    {
        var request = http.Request;
        if (fallback is not null && request.ContentLength is null or 0 && !request.Headers.ContainsKey("Transfer-Encoding")) return fallback;
        if (!request.HasJsonContentType())
            throw new ApiFault(ErrorCodes.MediaType, $"The body is '{request.ContentType ?? "without a content type"}'; send application/json.");
        try
        {
            return await JsonSerializer.DeserializeAsync(request.Body, GatewayJson.StrictInfo<T>(), http.RequestAborted)
                ?? throw ApiFault.Field("$", "is null", "Send a JSON object.");
        }
        catch (JsonException exception)
        {
            throw JsonFault.Of<T>(exception);
        }
    }

    /// <summary>The body as text in UTF-8.</summary>
    /// <exception cref="ApiFault">Longer than <paramref name="maxBytes"/>, or not UTF-8.</exception>
    public static async Task<string> ReadTextAsync(HttpContext http, string field, int maxBytes)
    {
        var bytes = await ReadBytesAsync(http, field, maxBytes);
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            throw ApiFault.Field(field, "is not UTF-8", "Save the text as UTF-8.");
        }
    }

    /// <summary>The whole body, in memory.</summary>
    /// <exception cref="ApiFault">Longer than <paramref name="maxBytes"/>.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadBytesAsync(HttpContext http, string field, int maxBytes)
    {
        var tooLarge = ApiFault.TooLarge(field, $"is larger than {maxBytes} bytes", "Send less.");
        if (http.Request.ContentLength > maxBytes) throw tooLarge;
        using var buffer = new MemoryStream();
        var chunk = new byte[16 * 1024];
        int read;
        while ((read = await http.Request.Body.ReadAsync(chunk, http.RequestAborted)) > 0)
        {
            if (buffer.Length + read > maxBytes) throw tooLarge;
            buffer.Write(chunk, 0, read);
        }
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    /// <summary>Checks why somebody does something, in his own words.</summary>
    /// <exception cref="ApiFault">It is longer than what is kept of it.</exception>
    public static void CheckReason(string? reason)
    {
        if (reason is { Length: > Limits.ErrorChars }) throw ApiFault.TooLarge("reason", $"is longer than {Limits.ErrorChars} characters", "Shorten it.");
    }

    /// <summary>Checks that every string of a document can be decoded (no half surrogates), which parsing alone does not.</summary>
    public static void CheckText(string field, JsonElement element)
    {
        try
        {
            Walk(element);
        }
        catch (InvalidOperationException)
        {
            throw ApiFault.Field(field, "holds a string with half a surrogate pair", "Write the character in full.");
        }
    }

    private static void Walk(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray()) Walk(item);
                break;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    Walk(member.Value);
                }
                break;
        }
    }
}
