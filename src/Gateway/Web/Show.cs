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

    /// <summary>A state that is no enum's.</summary>
    /// <param name="like">The state whose colour it has.</param>
    public static Html State(string word, string like) => Html.Of($"<span class=\"status {like}\">{word}</span>");

    public static string When(ScheduleSpec spec) => spec.Every is { } every ? $"every {Exactly(every)}" : $"{spec.Cron} {spec.TimeZone}";

    /// <summary>Who paused something, when and why.</summary>
    public static Html Pause(SchedulePause? pause) => pause is null
        ? Html.Empty
        : Html.Of($"<div class=\"note\"><p>Paused by {pause.Actor}, {Time(pause.At)}{Html.If(pause.Reason is not null, $": {pause.Reason}")}</p></div>");

    public static Html Interval(DataInterval interval) => Html.Of($"{Time(interval.Start)} <span class=\"dim\">to</span> {Time(interval.End)}");

    /// <summary>A button that sends a command, and then shows the page anew.</summary>
    /// <param name="confirm">What is asked before; null for nothing.</param>
    /// <param name="ask">What the reason is asked for with, where the command takes one.</param>
    /// <param name="body">The command's body as JSON; null for an empty one.</param>
    public static Html Button(string word, string path, string? confirm = null, string? ask = null, string? body = null) => Html.Of(
        $"<button data-post=\"{path}\"{Html.If(confirm is not null, $" data-confirm=\"{confirm}\"")}{Html.If(ask is not null, $" data-ask=\"{ask}\"")}{Html.If(body is not null, $" data-body=\"{body}\"")}>{word}</button>");

    /// <summary>A JSON document, for reading.</summary>
    public static string Json(string? json, int chars) => Shorten(JsonSerializer.Serialize(GatewayJson.Element(json), Indented), chars);

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

    /// <summary>All of a length of time, where <see cref="Duration"/> rounds.</summary>
    public static string Exactly(TimeSpan span)
    {
        (double Count, string Unit)[] parts = [((int)span.TotalDays, "d"), (span.Hours, "h"), (span.Minutes, "min"), (span.Seconds + ((span.Ticks % TimeSpan.TicksPerSecond) / (double)TimeSpan.TicksPerSecond), "s")];
        var said = parts.Where(part => part.Count > 0).Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Count} {part.Unit}")).ToList();
        return said.Count == 0 ? "0 s" : string.Join(' ', said);
    }

    /// <summary>How long it is until then.</summary>
    public static string Until(DateTimeOffset now, DateTimeOffset then) => then <= now ? "now" : $"in {Duration(now, then)}";

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
