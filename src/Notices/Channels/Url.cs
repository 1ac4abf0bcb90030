namespace Fanfare.Notices.Channels;

/// <summary>Addresses that come from secrets, and so could not be checked with the file.</summary>
internal static class Url
{
    /// <exception cref="ReceiverException">It is none, or not of one of the schemes. Its text is not repeated.</exception>
    public static Uri Of(string text, params string[] schemes) =>
        Uri.TryCreate(text.Trim(), UriKind.Absolute, out var url) && schemes.Contains(url.Scheme) && url.UserInfo.Length == 0 ? url
            : throw new ReceiverException($"Its address is no URL with {string.Join(" or ", schemes)}.");
}
