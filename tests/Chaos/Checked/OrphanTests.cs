using System.Diagnostics;
using Fanfare.Chaos.Checks;

namespace Fanfare.Chaos.Checked;

/// <summary>A process that a task left is found wherever it went.</summary>
public sealed class OrphanTests
{
    [Fact]
    public async Task AProcessOfATask_IsFoundByItsEnvironment_UntilItHasEnded()
    {
        const string Home = "/nowhere/fanfare-orphans";
        var start = new ProcessStartInfo("setsid", ["sleep", "600"]);
        start.Environment["FANFARE_INPUT"] = Home + "/w1/tasks/1/input.json";
        using var process = Process.Start(start)!;

        await Eventually.TrueAsync(() => Orphans.Of(Home).Any(o => o.Contains("sleep 600", StringComparison.Ordinal)), "The process in the list");
        Assert.Empty(Orphans.Of(Home + "-of-others"));
        process.Kill();
        await Eventually.TrueAsync(() => Orphans.Of(Home).Count == 0, "The end of the list");
    }
}
