namespace Fanfare.Gateway;

/// <summary>A step's progress as one bar: succeeded, failed, cancelled, running, and what is left.</summary>
internal static class StepBar
{
    private const int Width = 1000;

    public static Html Of(StepRow step)
    {
        var parts = new (string Class, int Count)[]
        {
            ("succeeded", step.Succeeded), ("failed", step.Failed), ("cancelled", step.Cancelled), ("running", step.Running), ("backoff", step.Backoff),
        };
        var total = Math.Max(1, Math.Max(step.Total, parts.Sum(p => p.Count)));
        var rects = new List<Html>();
        double at = 0;
        foreach (var (name, count) in parts)
        {
            if (count == 0) continue;
            // A handful of failures in a million must still be seen.
            var width = Math.Max(6, (double)count * Width / total);
            rects.Add(Html.Of($"<rect class=\"{name}\" x=\"{Math.Round(at, 2)}\" y=\"0\" width=\"{Math.Round(width, 2)}\" height=\"8\"/>"));
            at += width;
        }
        return Html.Of($"""<svg class="bar" viewBox="0 0 {Width} 8" preserveAspectRatio="none" role="img" aria-label="{step.Succeeded} of {step.Total} done, {step.Failed} failed, {step.Running} running">{rects}</svg>""");
    }
}
