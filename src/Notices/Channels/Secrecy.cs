using System.Text;
using Fanfare.Specs.Templates;

namespace Fanfare.Notices.Channels;

/// <summary>Makes reasons fit to be kept and shown.</summary>
internal static class Secrecy
{
    private const int MostChars = 500, LeastPart = 8;

    /// <summary>One line of printable characters, not too long, with "***" where a secret was.</summary>
    public static string Hide(string reason, IEnumerable<string> secrets)
    {
        // The longest first: one may be part of another.
        foreach (var secret in secrets.Where(secret => secret.Length > 0).OrderByDescending(secret => secret.Length)) reason = reason.Replace(secret, "***", StringComparison.Ordinal);
        var line = new StringBuilder(reason.Length);
        foreach (var c in reason)
        {
            if (!char.IsControl(c) && c is not ('\u2028' or '\u2029')) line.Append(c);
            else if (line.Length > 0 && line[^1] != ' ') line.Append(' ');
        }
        return TextCut.To(line.ToString().Trim(), MostChars);
    }

    /// <summary>A text, and the words of it that may be secret by themselves: of <c>Bearer x</c> also the x.</summary>
    public static IEnumerable<string> Of(string text) => [text, .. text.Split(' ').Where(word => word.Length >= LeastPart)];

    /// <summary>An address, and the parts of it that may let others in.</summary>
    public static IEnumerable<string> Of(Uri url) =>
    [
        url.AbsoluteUri, url.OriginalString, url.PathAndQuery.Length > 1 ? url.PathAndQuery : "", url.AbsolutePath.Length > 1 ? url.AbsolutePath : "",
        .. url.PathAndQuery.Split(['/', '?', '&', '='], StringSplitOptions.RemoveEmptyEntries).SelectMany(part => new[] { part, Uri.UnescapeDataString(part) }).Where(part => part.Length >= LeastPart),
    ];
}
