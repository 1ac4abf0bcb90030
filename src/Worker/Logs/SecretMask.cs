using System.Text;

namespace Fanfare.Worker.Logs;

/// <summary>Replaces the values of secrets by ***. A value of several lines is masked line by line, as logs are written.</summary>
internal sealed class SecretMask
{
    private const string Mask = "***";

    // A line of a longer value, such as "}", that would star out ordinary text.
    private const int ShortestLine = 4;

    private readonly string[] _values;

    public SecretMask(IEnumerable<string> values)
    {
        var all = new HashSet<string>();
        foreach (var value in values)
        {
            if (value.Length == 0) continue;
            all.Add(value);
            if (value.Contains('\n', StringComparison.Ordinal))
                foreach (var line in value.Split('\n', StringSplitOptions.TrimEntries))
                    if (line.Length >= ShortestLine) all.Add(line);
        }
        // The longest first, or a value that contains another would leave its rest.
        _values = [.. all.OrderByDescending(v => v.Length)];
        LongestBytes = _values.Length == 0 ? 0 : _values.Max(Encoding.UTF8.GetByteCount);
        LongestChars = _values.Length == 0 ? 0 : _values[0].Length;
    }

    public static SecretMask None { get; } = new([]);

    public int LongestBytes { get; }

    public int LongestChars { get; }

    public string Apply(string text)
    {
        foreach (var value in _values) text = text.Replace(value, Mask, StringComparison.Ordinal);
        return text;
    }
}
