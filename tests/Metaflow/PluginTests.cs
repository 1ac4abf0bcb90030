using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Fanfare.Metaflow;

/// <summary>What the plugin's own tests say, which are written in Python and need no Metaflow.</summary>
public sealed partial class PluginTests
{
    private static readonly string _plugin = Path.Combine(AppContext.BaseDirectory, "plugin");

    /// <summary>The plugin, and Metaflow's source where FANFARE_METAFLOW names it.</summary>
    internal static string PythonPath => Environment.GetEnvironmentVariable("FANFARE_METAFLOW") is { Length: > 0 } source ? $"{source}:{_plugin}" : _plugin;

    [Fact]
    public async Task ItsOwnTestsPass()
    {
        var start = new ProcessStartInfo("python3", ["-m", "unittest", "discover", "-s", "tests"]) { WorkingDirectory = _plugin, RedirectStandardError = true };
        start.Environment["PYTHONPATH"] = PythonPath;
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(start)!;
        var said = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.True(process.ExitCode == 0, said);
        Assert.InRange(int.Parse(Ran().Match(said).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), 10, 10_000);
    }

    [GeneratedRegex(@"Ran (\d+) tests")]
    private static partial Regex Ran();
}
