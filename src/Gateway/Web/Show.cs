using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>How small things look: statuses, times, sizes.</summary>
internal static class Show
{
    /// <summary>For documents on a page: readable, since the page encodes them itself.</summary>
    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Html Status<T>(T status)
        where T : struct, Enum
    {
        var word = GatewayJson.Word(status);
        return Html.Of($"<span class=\"status {word}\">{word}</span>");
    }

    /// <summary>The moment, in UTC; the page's script says it in the reader's words.</summary>
    public static Html Time(DateTimeOffset? at) => at is { } time
        ? Html.Of($"<time datetime=\"{time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)}\">{time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)}</time>")
        : Html.Of($"<span class=\"none\">–</span>");

    public static string Duration(DateTimeOffset? from, DateTimeOffset? to)
    {
        if (from is not { } start || to is not { } end) return "–";
        var span = end - start;
        return span.TotalSeconds switch
        {
            < 0 => "0 s",
            < 10 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0} s"),
            < 120 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s"),
            < 7200 => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes} min {span.Seconds} s"),
            < 172_800 => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours} h {span.Minutes} min"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalDays} d {span.Hours} h"),
        };
    }

    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
        < 1024L * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.0} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:0.0} GiB"),
    };

    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    public static Html Error(TaskError? error) => error is null
        ? Html.Empty
        : Html.Of($"<div class=\"error\"><b>{error.Type}{(error.ExitCode is { } code ? string.Create(CultureInfo.InvariantCulture, $" {code}") : "")}</b><pre>{error.Message}</pre></div>");

    public static string Shorten(string? text, int chars) => text is null ? "" : text.Length <= chars ? text : text[..chars] + "…";
}
