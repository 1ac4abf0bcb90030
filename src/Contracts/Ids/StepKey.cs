using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>One opening of a step in a run: the step's name, the split path without its innermost foreach (whose splits
/// are the opening's tasks), and the loop counters, one for each frame (the run, then each split the step lies in).
/// Written <c>train</c>, <c>train[3]</c>, and with any loop counter above zero <c>train[3]#0.2</c>.</summary>
[JsonConverter(typeof(StepKeyJson))]
public readonly record struct StepKey(string Step, SplitPath Outer, SplitPath Loops)
{
    public override string ToString() => Loops.IsZero ? Step + Outer : $"{Step}{Outer}#{Loops.Join('.')}";

    /// <summary>Reads what <see cref="ToString"/> wrote. Loop counters that are all zero are not written, so
    /// <paramref name="frames"/> (how many frames the step lies in, from the flow's graph) restores their number.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, int frames, out StepKey key)
    {
        key = default;
        if (string.IsNullOrEmpty(text)) return false;
        if (frames is < 0 or > Limits.MaxNesting) return false;
        var hash = text.IndexOf('#', StringComparison.Ordinal);
        var loops = new SplitPath(new int[frames]);
        if (hash >= 0)
        {
            if (!SplitPath.TryParse(text[(hash + 1)..], '.', out loops)) return false;
            text = text[..hash];
        }
        var outer = SplitPath.Empty;
        var bracket = text.IndexOf('[', StringComparison.Ordinal);
        if (bracket >= 0)
        {
            if (text[^1] != ']' || !SplitPath.TryParse(text[(bracket + 1)..^1], ',', out outer)) return false;
            text = text[..bracket];
        }
        if (!Names.IsValid(text)) return false;
        key = new StepKey(text, outer, loops);
        return true;
    }
}

internal sealed class StepKeyJson : JsonConverter<StepKey>
{
    // Written with the number of frames in front, since zero counters are left out of the text.
    public override StepKey Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var text = reader.GetString() ?? "";
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            && int.TryParse(text.AsSpan(0, colon), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var frames)
            && StepKey.TryParse(text[(colon + 1)..], frames, out var key)
            // One key has one text; a second one would be another stream's, or nobody's.
            && text == Text(key)
            ? key
            : throw new JsonException("A step key is its number of frames, a colon, and the key.");
    }

    public override void Write(Utf8JsonWriter writer, StepKey value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Text(value));

    private static string Text(StepKey key) => $"{key.Loops.Length}:{key}";
}
