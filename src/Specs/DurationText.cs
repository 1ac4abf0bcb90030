using Fanfare.Specs.Reading;

namespace Fanfare.Specs;

/// <summary>Durations as people write them, in specs as on the command line.</summary>
public static class DurationText
{
    public const string Rule = "numbers with units, the longest first, as in 30s, 12h, 1h30m, 30d";

    /// <summary>Reads <c>30s</c>, <c>1h30m</c>, <c>30d</c>.</summary>
    public static bool TryRead(string text, out TimeSpan value) => Units.TryDuration(text, out value);
}
