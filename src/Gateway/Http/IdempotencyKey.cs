namespace Fanfare.Gateway;

/// <summary>By which a command that is sent twice is known.</summary>
internal static class IdempotencyKey
{
    public const string Header = "Idempotency-Key";

    private const int MaxChars = 256;

    /// <summary>The key in the header, or in the body; null without one.</summary>
    /// <exception cref="ApiFault">The two differ, or it is no key.</exception>
    public static string? Of(HttpContext http, string? inBody)
    {
        var header = http.Request.Headers[Header];
        if (header.Count > 1) throw ApiFault.Field(Header, "is given more than once", "Give it once.");
        var key = header.Count == 1 ? header[0] : inBody;
        if (header.Count == 1 && inBody is { } other && other != key)
            throw ApiFault.Field(Header, "differs between the header and the body", "Give it in one place.");
        return key is null || Printable.IsValid(key, MaxChars)
            ? key
            : throw ApiFault.Field(Header, "is not a key", $"Give 1 to {MaxChars} printable characters.");
    }
}
