using System.Globalization;
using System.Text.Json;

namespace Fanfare.Cli.Output;

/// <summary>Values as people read them.</summary>
internal static class Words
{
    /// <summary>An enum member as the API spells it.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    public static string Duration(TimeSpan span)
    {
        if (span < TimeSpan.Zero) span = TimeSpan.Zero;
        return span switch
        {
            { TotalSeconds: < 10 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0} s"),
            { TotalSeconds: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(span.TotalSeconds):0} s"),
            { TotalMinutes: < 60 } => $"{span.Minutes} m {span.Seconds:00} s",
            { TotalHours: < 48 } => $"{(int)span.TotalHours} h {span.Minutes:00} m",
            _ => $"{(int)span.TotalDays} d {span.Hours:00} h",
        };
    }

    /// <summary>All of a length of time that somebody has set, where <see cref="Duration"/> rounds one that was measured: <c>5 s</c>, <c>1 h 30 m</c>.</summary>
    public static string Exactly(TimeSpan span)
    {
        var seconds = span.Ticks % TimeSpan.TicksPerMinute / (decimal)TimeSpan.TicksPerSecond;
        (decimal Count, char Unit)[] parts = [((int)span.TotalDays, 'd'), (span.Hours, 'h'), (span.Minutes, 'm'), (seconds, 's')];
        var said = parts.Where(part => part.Count > 0).Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Count:0.#######} {part.Unit}")).ToList();
        return said.Count == 0 ? "0 s" : string.Join(' ', said);
    }

    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => $"{bytes} B",
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#} KiB"),
        < 1024L * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0 / 1024:0.#} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0 / 1024 / 1024:0.#} GiB"),
    };

    public static string Count(int number, string one) => number == 1 ? $"1 {one}" : $"{number.ToString("N0", CultureInfo.InvariantCulture)} {one}s";

    public static string Time(DateTimeOffset time, TimeProvider clock) =>
        TimeZoneInfo.ConvertTime(time, clock.LocalTimeZone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>The first line, cut to <paramref name="length"/> characters.</summary>
    public static string Brief(string text, int length)
    {
        var line = text.AsSpan().Trim();
        var end = line.IndexOfAny('\r', '\n');
        var cut = end >= 0;
        if (cut) line = line[..end].TrimEnd();
        if (line.Length > length)
        {
            line = line[..(length - 1)];
            cut = true;
        }
        return Printable(cut ? $"{line}…" : line.ToString());
    }

    /// <summary>Text from outside, safe for a terminal: control characters, but for tabs, are shown as symbols.</summary>
    public static string Printable(string text)
    {
        var clean = true;
        foreach (var c in text) clean &= !char.IsControl(c) || c is '\t';
        return clean ? text : string.Create(text.Length, text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = source[i] switch
                {
                    '\t' => '\t',
                    < ' ' => (char)('\u2400' + source[i]),
                    '\u007f' => '\u2421',
                    >= '\u0080' and < '\u00a0' => '\ufffd',
                    _ => source[i],
                };
        });
    }
}
