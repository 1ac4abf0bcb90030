using System.Globalization;
using Fanfare.Chaos.Sites;

namespace Fanfare.Chaos.Checks;

/// <summary>A line that a task wrote of itself: what really ran, whatever the journal says.</summary>
/// <param name="Starts">Whether it tells a start; else an end.</param>
/// <param name="Mark">The attempt's mark on its machine, which also names the boot of the worker.</param>
/// <param name="At">Seconds since the machine's boot.</param>
/// <param name="Word">Of a start: free, or busy when a process of another attempt lived. Of an end: ok, fail, or term.</param>
internal sealed record EffectLine(bool Starts, string Run, string Task, int Attempt, int Process, string Mark, double At, string Word)
{
    public (string Run, string Task, int Attempt) Of => (Run, Task, Attempt);

    /// <exception cref="FormatException">It is no such line.</exception>
    public static EffectLine Parse(string line) => line.Split(' ') is [("S" or "E") and var kind, var run, var task, var attempt, var process, var mark, var at, var word]
        ? new EffectLine(kind == "S", run, task, int.Parse(attempt, CultureInfo.InvariantCulture), int.Parse(process, CultureInfo.InvariantCulture), mark, SystemTime.Parse(at), word)
        : throw new FormatException($"No line of effects: '{line}'");

    /// <summary>In the order in which they were appended.</summary>
    public static async Task<IReadOnlyList<EffectLine>> ReadAsync(string file) => !File.Exists(file) ? [] : [.. (await File.ReadAllLinesAsync(file)).Select(Parse)];
}
