namespace Fanfare.Gateway;

/// <summary>Who calls.</summary>
internal static class Caller
{
    public const string Header = "X-Fanfare-Actor";

    private const int MaxChars = 128;

    /// <summary>The actor that the caller names, <c>anonymous</c> without one.</summary>
    /// <exception cref="ApiFault">The name is too long, or not printable ASCII.</exception>
    public static string ActorOf(HttpContext http)
    {
        var values = http.Request.Headers[Header];
        if (values.Count == 0) return "anonymous";
        var actor = values.Count == 1 ? values[0]!.Trim() : "";
        return actor.Length is > 0 and <= MaxChars && actor.All(c => c is >= ' ' and <= '~')
            ? actor
            : throw ApiFault.Field(Header, "is not a name", $"Give 1 to {MaxChars} printable ASCII characters, once.");
    }
}
