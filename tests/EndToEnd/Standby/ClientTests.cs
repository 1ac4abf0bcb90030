namespace Fanfare.EndToEnd.Standby;

/// <summary>Commands that know several servers, while these come and go: they notice a delay and nothing else.</summary>
[Collection(StandbySite.OneAfterAnother)]
public sealed class ClientTests
{
    [PostgresFact]
    public async Task ACommandThatFollows_GoesOnAtTheNextServer_WhenItsOwnIsKilledAndWhenItHangs()
    {
        await using var site = await StandbySite.StartAsync();
        var first = await site.LeaderAsync();
        var second = site.Other(first);
        // The one that leads first, so that the commands are connected to it.
        var servers = $"{first.Url},{second.Url}";
        await first.Api.DeployAsync($$$"""
            name: talk
            steps: {start: {run: {{{Run.Shell($"i=0; while [ ! -e {site.In("go")} ]; do i=$((i+1)); echo line $i; sleep 0.1; done; echo done")}}} } }
            """);

        var trigger = site.Command("trigger", "talk", "--follow", "--logs", "--server", servers);
        await trigger.LineAsync(l => l.Contains("line 3", StringComparison.Ordinal), Eventually.Limit);
        var all = site.Command("logs", "last", "-f", "--server", servers);
        var one = site.Command("logs", "last", "start", "-f", "--tail", "2", "--server", servers);
        FanfareProcess[] commands = [trigger, all, one];
        await NewLinesAsync(commands);

        await first.Process.KillAsync();
        await NewLinesAsync(commands);
        await site.StartAsync(first);
        second.Process.Freeze();
        await NewLinesAsync(commands);
        second.Process.Thaw();
        await File.WriteAllTextAsync(site.In("go"), "");

        foreach (var command in commands) Assert.True(await command.ExitAsync(Eventually.Limit) == 0, command.Output);
        foreach (var command in commands)
        {
            var lines = command.Results.Split('\n').Where(l => l.Contains("line ", StringComparison.Ordinal)).Select(l => int.Parse(l[(l.IndexOf("line ", StringComparison.Ordinal) + 5)..])).ToList();
            Assert.Equal(Enumerable.Range(lines[0], lines.Count), lines);
            Assert.Contains("done", command.Results, StringComparison.Ordinal);
        }
        Assert.Single((await first.Api.RunsAsync()).Items);
    }

    [PostgresFact]
    public async Task EveryCommand_IsAnsweredByTheNextServer_WhenTheFirstIsAway()
    {
        await using var site = await StandbySite.StartAsync(servers: 1);
        var away = $"http://127.0.0.1:{Api.FreePort()}";
        var servers = $"{away},{site.Members[0].Url}";
        var file = Path.Combine(Directory.CreateDirectory(site.In("flow")).FullName, "flow.yaml");
        await File.WriteAllTextAsync(file, "name: short\nsteps: {start: {run: \"true\"}}\n");

        foreach (var arguments in (string[][])[["run", file], ["deploy", file], ["trigger", "short"], ["runs"], ["show", "last"], ["workers"], ["version"], ["cancel", "last"]])
        {
            var command = site.Command([.. arguments, "--server", servers]);
            var exit = await command.ExitAsync(Eventually.Limit);
            // The run may have ended before it is cancelled: then the server itself says so.
            Assert.True(exit == 0 || (arguments[0] == "cancel" && command.Output.Contains("does not allow it", StringComparison.Ordinal)), $"{arguments[0]}: {command.Output}");
        }
        var none = site.Command("runs", "--server", $"{away},http://127.0.0.1:{Api.FreePort()}");
        Assert.Equal(3, await none.ExitAsync(Eventually.Limit));
        Assert.Contains("None of the servers", none.Output, StringComparison.Ordinal);
    }

    /// <summary>Waits until each has shown a line more.</summary>
    private static async Task NewLinesAsync(FanfareProcess[] commands)
    {
        var before = commands.Select(Lines).ToList();
        await Eventually.TrueAsync(() => commands.Zip(before).All(c => Lines(c.First) > c.Second + 2), $"New lines; so far:\n{string.Join("\n---\n", commands.Select(c => c.Output))}");
    }

    private static int Lines(FanfareProcess command) => command.Results.Split('\n').Count(l => l.Contains("line ", StringComparison.Ordinal));
}
