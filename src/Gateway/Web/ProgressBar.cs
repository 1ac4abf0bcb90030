namespace Fanfare.Gateway;

/// <summary>How far something of many parts is, as one bar.</summary>
internal static class ProgressBar
{
    private const int Width = 1000;

    /// <param name="total">All that there is; what the parts leave of it stays empty.</param>
    /// <param name="label">The same in words.</param>
    public static Html Of(int total, string label, params (string Class, int Count)[] parts)
    {
        var all = Math.Max(1, Math.Max(total, parts.Sum(p => p.Count)));
        var rects = new List<Html>();
        double at = 0;
        foreach (var (name, count) in parts)
        {
            if (count == 0) continue;
            // A handful of failures in a million must still be seen.
            var width = Math.Max(6, (double)count * Width / all);
            rects.Add(Html.Of($"<rect class=\"{name}\" x=\"{Math.Round(at, 2)}\" y=\"0\" width=\"{Math.Round(width, 2)}\" height=\"8\"/>"));
            at += width;
        }
        return Html.Of($"""<svg class="bar" viewBox="0 0 {Width} 8" preserveAspectRatio="none" role="img" aria-label="{label}">{rects}</svg>""");
    }
}
