using Fanfare.Pools.Local;

namespace Fanfare.Pools.Tests.Local;

/// <summary>A server that launches and is killed at it: this test assembly, started as a program.</summary>
internal static class LaunchHost
{
    /// <summary>Launches what is named, says when it begins and when it is through, and then waits to be killed.</summary>
    public static async Task<int> Main(string[] args)
    {
        if (args is not [var root, var id, var count])
        {
            await Console.Error.WriteLineAsync("This is a program for tests: give it a directory, the id of a launch and a count.");
            return 2;
        }
        using var provider = new LocalProvider(LocalStage.Cluster, LocalStage.OptionsOf(root), TimeProvider.System);
        // What the first call of everything takes is no part of what is to be interrupted.
        await provider.ListAsync(CancellationToken.None);
        await Console.Out.WriteLineAsync("launching");
        await provider.LaunchAsync(LocalStage.RequestOf(id, int.Parse(count, System.Globalization.CultureInfo.InvariantCulture)), CancellationToken.None);
        await Console.Out.WriteLineAsync("launched");
        await Task.Delay(Timeout.Infinite);
        return 0;
    }
}
