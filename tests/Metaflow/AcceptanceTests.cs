using System.Diagnostics;

namespace Fanfare.Metaflow;

/// <summary>Metaflow's own suites for schedulers, of which nothing fails but what acceptance/known.txt says.</summary>
public sealed class AcceptanceTests
{
    [MetaflowSuiteFact]
    public Task TheSuiteForUsers() => PassAsync("ux");

    [MetaflowSuiteFact]
    public Task TheSuiteOfGraphsAndTests() => PassAsync("core");

    private static async Task PassAsync(string suite)
    {
        var script = Path.Combine(RepositoryRoot(), "plugins", "metaflow", "acceptance.sh");
        var start = new ProcessStartInfo(script, [MetaflowSuiteFactAttribute.Source, suite]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("METAFLOW", StringComparison.Ordinal)).ToList()) start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();

        Assert.True(process.ExitCode == 0, await output + await error);
    }

    private static string RepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Scheduler.sln"))) directory = directory.Parent ?? throw new InvalidOperationException("The tests are not inside the repository.");
        return directory.FullName;
    }
}
