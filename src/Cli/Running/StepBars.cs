using Fanfare.Cli.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Fanfare.Cli.Running;

/// <summary>A bar for each step: how much succeeded, failed, runs and waits.</summary>
internal static class StepBars
{
    /// <param name="planned">Names of all steps of the flow, in its order.</param>
    /// <param name="room">Most lines to take.</param>
    /// <param name="last">Whether the run is over: steps that never opened are left out.</param>
    public static IRenderable Draw(RunSnapshot snapshot, IReadOnlyList<string> planned, DateTimeOffset now, int width, int room, bool last)
    {
        var grid = new Grid();
        for (var column = 0; column < 4; column++) grid.AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) });
        grid.Columns[3].Alignment = Justify.Right;
        var bar = Math.Clamp(width - 60, 10, 40);
        var opened = snapshot.Steps;
        var toCome = last || snapshot.Run.Status.IsTerminal() ? [] : planned.Where(p => opened.All(s => s.Step != p)).ToList();
        var shown = Fit(opened, last ? int.MaxValue : Math.Max(1, room - Math.Min(toCome.Count, 3) - 1));
        if (shown.Count < opened.Count) grid.AddRow(new Markup($"[dim]{opened.Count - shown.Count} more[/]"), Text.Empty, Text.Empty, Text.Empty);
        foreach (var step in shown)
            grid.AddRow(
                new Markup(Name(step)), new Markup(Bar(step, bar)), new Markup(Counts(step)),
                new Markup($"[dim]{Words.Duration((step.EndedAt ?? now) - step.OpenedAt)}[/]"));
        foreach (var name in toCome.Take(Math.Max(0, room - shown.Count)))
            grid.AddRow(new Markup($"[dim]· {Screen.Escape(name)}[/]"), new Markup($"[dim]{new string('─', bar)}[/]"), Text.Empty, Text.Empty);
        return grid;
    }

    // What is under way matters most, then what was opened last.
    private static List<StepProgress> Fit(IReadOnlyList<StepProgress> steps, int room) =>
        steps.Count <= room
            ? [.. steps]
            : [.. steps.Select((step, index) => (step, index)).OrderBy(s => s.step.EndedAt is not null).ThenByDescending(s => s.index)
                .Take(room).OrderBy(s => s.index).Select(s => s.step)];

    private static string Name(StepProgress step) => step.Status switch
    {
        StepStatus.Succeeded => $"[green]✓[/] {Screen.Escape(step.Step)}",
        StepStatus.Failed => $"[red]✗[/] {Screen.Escape(step.Step)}",
        StepStatus.Cancelled => $"[yellow]■[/] {Screen.Escape(step.Step)}",
        StepStatus.Paused => $"[yellow]‖[/] {Screen.Escape(step.Step)}",
        _ => $"[blue]▸[/] {Screen.Escape(step.Step)}",
    };

    private static string Bar(StepProgress step, int width)
    {
        var total = Math.Max(step.Total, 1);
        var (failed, cancelled, succeeded, running) = (Cells(step.Failed), Cells(step.Cancelled), Cells(step.Succeeded), Cells(step.Running));
        var used = failed + cancelled + succeeded + running;
        // Rounding up what is little may take too much: the largest part gives way.
        while (used > width)
        {
            if (succeeded >= running && succeeded >= failed) succeeded--;
            else if (running >= failed) running--;
            else failed--;
            used--;
        }
        return $"[green]{new string('━', succeeded)}[/][red]{new string('━', failed)}[/][yellow]{new string('━', cancelled)}[/]"
            + $"[blue]{new string('━', running)}[/][dim]{new string('─', width - used)}[/]";

        int Cells(int count) => count == 0 ? 0 : Math.Max(1, (int)((long)count * width / total));
    }

    private static string Counts(StepProgress step)
    {
        var parts = new List<string> { $"{step.Done}/{step.Total}" };
        if (step.Running > 0) parts.Add($"[blue]{step.Running} running[/]");
        if (step.Backoff > 0) parts.Add($"[yellow]{step.Backoff} retrying[/]");
        if (step.Failed > 0) parts.Add($"[red]{step.Failed} failed[/]");
        if (step.Cancelled > 0) parts.Add($"[yellow]{step.Cancelled} cancelled[/]");
        return string.Join(" ", parts);
    }
}
