using System.Globalization;
using System.Text;

namespace Fanfare.Processes;

/// <summary>The processes that tasks of a run started, found by what every task has in its environment.</summary>
public static class TaskProcesses
{
    public static IReadOnlyList<int> Of(string run)
    {
        var mark = Encoding.UTF8.GetBytes($"FANFARE_RUN={run}\0");
        var found = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var id)) continue;
            if (Environ(directory).AsSpan().IndexOf(mark) >= 0) found.Add(id);
        }
        return found;
    }

    public static Task GoneAsync(string run) => Eventually.TrueAsync(() => Of(run).Count == 0, $"The end of all processes of run {run}");

    /// <summary>Waits until that many live.</summary>
    public static Task LiveAsync(string run, int count) => Eventually.TrueAsync(() => Of(run).Count >= count, $"{count} processes of run {run}");

    private static byte[] Environ(string directory)
    {
        try
        {
            return File.ReadAllBytes(directory + "/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // It ended meanwhile, or is another user's.
        }
    }
}
