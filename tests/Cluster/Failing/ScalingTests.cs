using System.Diagnostics;
using System.Globalization;
using Fanfare.Postgres;
using Fanfare.Processes;
using Xunit.Abstractions;

namespace Fanfare.Cluster.Failing;

/// <summary>What the same work costs on one, two and three silos. A measurement, for docs/scaling.md: FANFARE_LONG=1.</summary>
public sealed class ScalingTests(ITestOutputHelper output)
{
    private const int Runs = 60, Tasks = 1000, Rounds = 3;

    private static readonly double _ticks = 100;

    [LongTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task TheSameWork_CostsWhatItCosts(int silos)
    {
        await using var site = await SiloSite.StartAsync(silos);
        // Each silo on a processor of its own, as far as there are any; the database and the workers where there is room.
        foreach (var silo in site.Silos) await PinAsync(silo.Process.Id, silo.Number % Environment.ProcessorCount);
        await using var crowd = new Crowd(site.Silos, workers: 6, capacity: 600, each: TimeSpan.Zero);
        await site.Silos[0].Api.DeployAsync($$$"""
            name: wide
            steps:
              start: {run: ["true"], next: {foreach: body, over: {range: {{{Tasks}}} } } }
              body: {run: ["true"], next: all}
              all: {join: all, run: ["true"]}
            """);
        for (var round = 0; round <= Rounds; round++)
        {
            var (clock, silosBefore, databaseBefore) = (Stopwatch.StartNew(), SilosSeconds(site), DatabaseSeconds(site));
            var runs = await Task.WhenAll(Enumerable.Range(0, Runs).Select(async i => (await site.Silos[i % silos].Api.StartDeployedAsync("wide")).Run));
            foreach (var run in runs) Assert.Equal(RunStatus.Succeeded, (await site.Silos[0].Api.EndAsync(run, Eventually.Limit)).Status);
            var thousands = Runs * (Tasks + 2) / 1000.0;
            // The first round compiles.
            if (round > 0)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{silos} silos: {thousands * 1000 / clock.Elapsed.TotalSeconds:0} tasks/s; for 1,000 tasks {(SilosSeconds(site) - silosBefore) / thousands:0.000} s of the silos, {(DatabaseSeconds(site) - databaseBefore) / thousands:0.000} s of PostgreSQL"));
        }
    }

    private static async Task PinAsync(int process, int processor)
    {
        using var pin = Process.Start(new ProcessStartInfo("taskset", ["-a", "-c", "-p", $"{processor}", $"{process}"]) { RedirectStandardOutput = true })!;
        await pin.StandardOutput.ReadToEndAsync();
        await pin.WaitForExitAsync();
        Assert.Equal(0, pin.ExitCode);
    }

    private static double SilosSeconds(SiloSite site) => site.Silos.Sum(silo => Stat($"{silo.Process.Id}") is { } stat ? stat.Own : 0);

    // Of the server and all of its backends, those that ended among them.
    private static double DatabaseSeconds(SiloSite site)
    {
        var postmaster = File.ReadLines(Path.Combine(site.Postgres.Data, "postmaster.pid")).First();
        return Directory.GetDirectories("/proc").Select(directory => Path.GetFileName(directory)).Where(name => name.All(char.IsAsciiDigit)).Select(name => (Id: name, Stat: Stat(name)))
            .Sum(process => process.Stat is not { } stat ? 0 : process.Id == postmaster ? stat.Own + stat.Children : stat.Parent == postmaster ? stat.Own : 0);
    }

    // Null for a process that is gone.
    private static (string Parent, double Own, double Children)? Stat(string process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            double Seconds(int field) => double.Parse(fields[field], CultureInfo.InvariantCulture) / _ticks;
            return (fields[1], Seconds(11) + Seconds(12), Seconds(13) + Seconds(14));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class LongTheoryAttribute : TheoryAttribute
    {
        public LongTheoryAttribute() => Skip = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 } ? PrivatePostgres.Refusal : "A measurement: FANFARE_LONG=1.";
    }
}
