using System.Text;

namespace Fanfare.Storage.Postgres;

/// <summary>Texts from outside, as PostgreSQL can hold them. Names, JSON that this program wrote and events need no such care.</summary>
internal static class HeldText
{
    private const char Replacement = '\uFFFD';

    /// <summary>With the replacement character for a NUL, which PostgreSQL refuses, and for half of a surrogate pair, which is no character in UTF-8. To be used for what is
    /// written as for what is looked for.</summary>
    public static string Of(string text)
    {
        var held = text.Contains('\0', StringComparison.Ordinal) ? text.Replace('\0', Replacement) : text;
        return held.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(held)) : held;
    }

    public static string? OfNullable(string? text) => text is null ? null : Of(text);
}
