using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Fanfare.Metaflow;

/// <summary>Tasks that are forked from a process which has imported Metaflow and the flow.</summary>
public sealed class WarmTests
{
    private static readonly JsonSerializerOptions _indented = new() { WriteIndented = true };

    [MetaflowFact]
    public async Task AForkedTask_SeesWhatAFreshOneSees()
    {
        await using var site = await MetaflowSite.StartAsync();
        var seen = new List<string>();
        var drawn = new List<double>();
        foreach (var option in (string[][])[["--no-warm"], []])
        {
            await site.DoneAsync("probe", ["fanfare", "create", .. option]);
            var run = await site.TriggerAsync("probe");
            Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
            var read = await site.ReadAsync($"Probe/{run}", "seen", "drawn", "mine");
            var end = read.GetProperty("end");
            seen.Add(Indented(end.GetProperty("seen")));
            drawn.AddRange(end.GetProperty("drawn").EnumerateArray().Select(number => number.GetDouble()));
            Assert.Equal("[0, 1]", end.GetProperty("mine").GetRawText());
            Assert.Equal("from a child\nfrom the task\n", read.GetProperty("tasks").GetProperty("look/look-1").GetProperty("out").GetString());
        }

        Assert.Equal(seen[0], seen[1]);
        Assert.Equal(4, drawn.Distinct().Count());
    }

    [MetaflowFact]
    public async Task AFlowWithOptionsOfItsOwn_IsForkedToo_AndHasWhatItSetWhenItWasImported()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("branched", "--branch", "pears", "fanfare", "create");

        await site.DoneAsync("branched", "--branch", "pears", "fanfare", "trigger", "--run-id-file", site.In("run"));

        var run = await File.ReadAllTextAsync(site.In("run"));
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        var end = (await site.ReadAsync($"Branched/{run}", "branch", "trees", "variable")).GetProperty("end");
        Assert.Equal(("test.pears", 3, "yes"), (end.GetProperty("branch").GetString(), end.GetProperty("trees").GetInt32(), end.GetProperty("variable").GetString()));
        Assert.DoesNotContain("start cold", site.Worker.Output, StringComparison.Ordinal);
        Assert.NotEmpty(ForkServers(site.Worker.Id));
    }

    [MetaflowFact]
    public async Task AFlowThatStartsThreads_IsStartedAfresh_AndTheWorkerSaysSo()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("threaded", "fanfare", "create");

        var run = await site.TriggerAsync("threaded");

        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        Assert.Contains("Tasks of Threaded.start start cold, because the flow starts threads while it is imported (watcher).", site.Worker.Output, StringComparison.Ordinal);
    }

    [MetaflowFact]
    public async Task KillsDuringAWideForeach_CostNothing()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("wide", "fanfare", "create");
        var run = await site.TriggerAsync("wide", "--width", "150");

        await DoneAsync(site, run, 20);
        var server = ForkServers(site.Worker.Id).Single();
        Kill(server);
        await DoneAsync(site, run, 50);
        await site.Worker.KillAsync();
        site.StartWorker();
        await DoneAsync(site, run, 80);
        await site.Server.KillAsync();
        await site.StartServerAsync();
        await DoneAsync(site, run, 110);
        Kill(ForkServers(site.Worker.Id).Single());

        var end = await site.Api.EndAsync(run, Eventually.Limit);
        Assert.True(end.Status == RunStatus.Succeeded, end.Error?.Message);
        var read = await site.ReadAsync($"Wide/{run}", "squares", "servers");
        Assert.Equal(Enumerable.Range(0, 150).Select(i => i * i), read.GetProperty("end").GetProperty("squares").EnumerateArray().Select(square => square.GetInt32()));
        Assert.Equal(4, read.GetProperty("end").GetProperty("servers").GetArrayLength());
        var tasks = read.GetProperty("tasks").EnumerateObject().Where(task => task.Name.StartsWith("work/", StringComparison.Ordinal)).ToList();
        Assert.Equal(150, tasks.Count);
        Assert.All(tasks, task => Assert.True(task.Value.GetProperty("ok").GetBoolean(), task.Name));
    }

    [MetaflowFact]
    public async Task ATaskThatIsKilled_IsKnownToMetaflowAsOneThatEnded_AndHow()
    {
        await using var site = await MetaflowSite.StartAsync();
        foreach (var option in (string[][])[["--no-warm"], []])
        {
            await site.DoneAsync("killed", ["fanfare", "create", .. option]);
            var run = await site.TriggerAsync("killed");
            Assert.Equal(RunStatus.Failed, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
            var (code, said) = await site.PythonAsync(["read_metadata.py", $"Killed/{run}/work/work"]);
            Assert.True(code == 0, said);
            var metadata = JsonDocument.Parse(said).RootElement;
            Assert.Equal(("False", "0", "killed by SIGSEGV"), (Text(metadata, "attempt_ok"), Text(metadata, "attempt-done"), Text(metadata, "fanfare-end")));
            var log = (await site.ReadAsync($"Killed/{run}")).GetProperty("tasks").GetProperty("work/work");
            Assert.Equal("about to go\n", log.GetProperty("out").GetString());
            Assert.Contains("The task was ended by SIGSEGV, segmentation fault.", await site.DoneAsync("killed", "fanfare", "logs", run, "work"), StringComparison.Ordinal);
        }

        static string? Text(JsonElement metadata, string field) => metadata.GetProperty(field).GetString();
    }

    private static string Indented(JsonElement element) => JsonSerializer.Serialize(element, _indented);

    /// <summary>Waits until so many tasks of the foreach have succeeded.</summary>
    private static Task DoneAsync(MetaflowSite site, string run, int count) => Eventually.TrueAsync(
        async () => (await site.Api.StepsAsync(run)).Any(step => step.Step == "work" && step.Succeeded >= count), $"{count} tasks that have succeeded");

    private static IReadOnlyList<int> ForkServers(int worker) =>
        [.. Directory.EnumerateDirectories("/proc").Select(directory => int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var pid) ? pid : 0).Where(pid => pid > 0 && IsForkServer(pid, worker))];

    private static bool IsForkServer(int pid, int worker)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1] == worker.ToString(CultureInfo.InvariantCulture) && File.ReadAllText($"/proc/{pid}/cmdline").Contains("warm.py", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Kill(int pid)
    {
        using var process = Process.GetProcessById(pid);
        process.Kill();
    }
}
