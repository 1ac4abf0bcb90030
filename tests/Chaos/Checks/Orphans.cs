using System.Globalization;
using System.Text;

namespace Fanfare.Chaos.Checks;

/// <summary>Finds processes that tasks started: each has a path of its site in its environment.</summary>
internal static class Orphans
{
    /// <summary>Process ids with their command lines.</summary>
    public static IReadOnlyList<string> Of(string home)
    {
        var mark = Encoding.UTF8.GetBytes($"FANFARE_INPUT={home}/");
        var found = new List<string>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id)) continue;
            if (Read(directory + "/environ").AsSpan().IndexOf(mark) >= 0) found.Add($"{id}: {Encoding.UTF8.GetString(Read(directory + "/cmdline")).Replace('\0', ' ')}");
        }
        return found;
    }

    private static byte[] Read(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // It ended meanwhile, or is another user's.
        }
    }
}
