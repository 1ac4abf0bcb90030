using System.Diagnostics;
using Fanfare.Pools.Local;

namespace Fanfare.Pools.Tests.Local;

/// <summary>Launches whose server dies at any point of them, several times over. Whoever comes next has the request, which was remembered before it was sent, and the disk.</summary>
public sealed class LocalCrashTests
{
    private const int Seeds = 250, Kills = 24, OfOneLaunch = 12;

    private static readonly string[] Points = ["noted the launch", "made its directory", "started it, held", "noted its process", "let it go"];

    [Fact]
    public async Task ALaunch_StartsNothingTwiceAndLosesNothing_WhereverItsServerDies()
    {
        await using var stage = new LocalStage();
        var seen = new Dictionary<string, int>();
        for (var seed = 0; seed < Seeds; seed++)
        {
            var random = new Random(seed);
            var request = stage.Request(1 + random.Next(3), $"l-{seed}");
            LaunchAnswer? answer = null;
            for (var deaths = 0; answer is null;)
            {
                var left = deaths < 4 ? random.Next(14) : int.MaxValue;
                using var provider = stage.NewProvider(step =>
                {
                    if (left-- > 0) return;
                    seen[step] = seen.GetValueOrDefault(step) + 1;
                    throw new DeathException();
                });
                try
                {
                    // A machine may end meanwhile, and a list be asked for first.
                    if (random.Next(3) == 0) await provider.ListAsync(CancellationToken.None);
                    answer = await provider.LaunchAsync(request, CancellationToken.None);
                }
                catch (DeathException)
                {
                    if (++deaths == 2) seen["died twice or more"] = seen.GetValueOrDefault("died twice or more") + 1;
                }
            }
            await JudgeAsync(stage, stage.Restart(), request, answer, $"Seed {seed}");
            LocalStage.KillAll(stage.Options.Directory);
            Directory.Delete(stage.Of(answer.Instances[0], ""), recursive: true);
        }
        // Each of these has to come about, or the test shows less than it says.
        foreach (var point in Points.Append("died twice or more")) Assert.True(seen.GetValueOrDefault(point) >= Seeds / 25, $"'{point}' came about {seen.GetValueOrDefault(point)} times in {Seeds}.");
    }

    [Fact]
    public async Task AServerThatIsKilledAnywhereInALaunch_LeavesNothingTwice_AndNobodysWorker()
    {
        await using var stage = new LocalStage();
        var random = new Random(7);
        var longest = TimeSpan.FromMilliseconds(300);
        var within = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            var request = LocalStage.RequestOf($"k-{kill}", OfOneLaunch);
            int Begun() => stage.Started.Count(id => id.StartsWith($"cpu-{LaunchToken.Of(request)[..8]}-", StringComparison.Ordinal));
            // At any time within what a launch takes here, which the first one tells; or when so many workers have begun.
            var (time, count) = (longest * random.NextDouble(), 1 + random.Next(OfOneLaunch / 2));
            var (isThrough, took) = await LaunchAndKillAsync(stage.Root, request.Id, kill == 0 ? null : () => kill % 2 == 0 ? Task.Delay(time) : LocalStage.UntilAsync(() => Begun() >= count, $"{count} workers have begun"));
            if (kill == 0) longest = took;
            var begun = Begun();
            if (!isThrough && begun is > 0 and < OfOneLaunch) within++;

            var provider = stage.Restart();
            await JudgeAsync(stage, provider, request, await provider.LaunchAsync(request, CancellationToken.None), $"Kill {kill} ({begun} of {OfOneLaunch} had begun)");
            LocalStage.KillAll(stage.Options.Directory);
        }
        Assert.True(within > 0, $"None of {Kills} launches was interrupted between the first worker and the last.");
    }

    /// <summary>What was made is what was asked for; each of it began once, runs once, and is listed.</summary>
    private static async Task JudgeAsync(LocalStage stage, LocalProvider provider, LaunchRequest request, LaunchAnswer answer, string which)
    {
        var token = LaunchToken.Of(request);
        var ids = answer.Instances.Select(i => i.Id).Order(StringComparer.Ordinal).ToList();
        Assert.True(answer.IsSettled && ids.Count == request.Count, $"{which}: {ids.Count} of {request.Count} machines, {string.Join(", ", answer.Refusals)}");
        bool IsOfIt(string id) => id.StartsWith($"{request.Pool}-{token[..8]}-", StringComparison.Ordinal);
        await LocalStage.UntilAsync(() => ids.All(id => stage.Started.Contains(id)), $"{which}: all workers have begun");
        var listed = (await provider.ListAsync(CancellationToken.None)).Where(i => i.Launch == token).ToList();
        Assert.True(listed.All(i => i.State == InstanceState.Running), $"{which}: {string.Join(", ", listed)}");
        Assert.Equal(ids, listed.Select(i => i.Id).Order(StringComparer.Ordinal));
        Assert.Equal(ids, stage.Started.Where(IsOfIt).Order(StringComparer.Ordinal));
        // Those whose server died before they were noted see the end of their input, each as soon as it gets to run; then there is nothing but what is listed.
        var mark = await File.ReadAllTextAsync(Path.Combine(stage.Options.Directory, "id"));
        List<MarkedProcess> running = [];
        await LocalStage.UntilAsync(() => ids.SequenceEqual((running = [.. new ProcessTable().Marked(mark).Where(m => IsOfIt(m.Instance)).OrderBy(m => m.Instance, StringComparer.Ordinal)]).Select(m => m.Instance)), $"{which}: what runs is what is listed");
        Assert.Equal(ids, stage.Started.Where(IsOfIt).Order(StringComparer.Ordinal));
        foreach (var process in running) Assert.Equal(process.Pid, LocalStage.Pid(Path.Combine(stage.Options.Directory, "launches", token, $"{process.Instance[(process.Instance.LastIndexOf('-') + 1)..]}.json")));
    }

    /// <summary>Starts a server that launches, and kills it when something has come about; without that, when it is through.</summary>
    private static async Task<(bool IsThrough, TimeSpan Took)> LaunchAndKillAsync(string root, string id, Func<Task>? when)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet") { RedirectStandardOutput = true };
        foreach (var argument in (string[])["exec", typeof(LaunchHost).Assembly.Location, root, id, $"{OfOneLaunch}"]) start.ArgumentList.Add(argument);
        using var host = Process.Start(start)!;
        try
        {
            Assert.Equal("launching", await host.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)));
            var clock = Stopwatch.StartNew();
            var through = host.StandardOutput.ReadLineAsync();
            if (when is not null) await Task.WhenAny(through, when());
            else Assert.Equal("launched", await through.WaitAsync(TimeSpan.FromSeconds(60)));
            var took = clock.Elapsed;
            host.Kill();
            await host.WaitForExitAsync();
            return (await through == "launched", took);
        }
        finally
        {
            if (!host.HasExited) host.Kill();
        }
    }

    private sealed class DeathException : Exception;
}
