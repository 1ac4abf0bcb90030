namespace Fanfare.Cli.Api;

/// <summary>Which servers to speak to, and as whom.</summary>
/// <param name="Urls">One, or several that stand by for each other: the preferred one first.</param>
/// <param name="Explicit">Named by option or environment, not the default.</param>
internal sealed record ServerAddress(IReadOnlyList<Uri> Urls, string? Token, string Namespace, string Actor, bool Explicit)
{
    public static readonly Uri Default = new("http://127.0.0.1:7433");

    /// <summary>The preferred one.</summary>
    public Uri Url => Urls[0];

    /// <summary>Reads a list URL[,URL…].</summary>
    public static IReadOnlyList<Uri> ParseAll(string text, string source)
    {
        Uri[] all = [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(one => Parse(one, source)).Distinct()];
        return all.Length > 0 ? all : [Parse(text, source)];
    }

    /// <summary>Reads what a person writes; a missing scheme means http.</summary>
    public static Uri Parse(string text, string source)
    {
        var trimmed = text.Trim().TrimEnd('/');
        var full = trimmed.Contains("://", StringComparison.Ordinal) ? trimmed : $"http://{trimmed}";
        return Uri.TryCreate(full, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Host.Length > 0 && url.Query.Length == 0
            ? url
            : throw new CommandException(
                ExitCode.Usage, $"{source} is '{text}', which is no server address.", "Write it as http://HOST:PORT.");
    }
}
