using System.Text.Json;

namespace Fanfare.EndToEnd.Commands;

/// <summary>The commands that speak to a server, against a real one.</summary>
[Collection(SharedSiteGroup.Name)]
public sealed class ServerCommandTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task DeployTriggerShowLogsAndExplain_WorkTogether()
    {
        var directory = Directory.CreateDirectory(_site.In("commands")).FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "say.sh"), "echo \"hello $1 from $FANFARE_TASK\"\n");
        await File.WriteAllTextAsync(Path.Combine(directory, "flow.yaml"), """
            name: commands
            parameters: {who: {required: true}, times: {type: int, default: 1} }
            steps:
              start: {run: sh say.sh "$FANFARE_PARAM_WHO", next: {foreach: each, over: {range: {parameter: times} } } }
              each: {run: [sh, say.sh, again], next: all}
              all: {join: all, run: ["true"]}
            """);

        var deployed = await JsonAsync("deploy", Path.Combine(directory, "flow.yaml"));
        var started = await JsonAsync("trigger", "commands", "-p", "who=world", "-p", "times=3", "--tag", "nightly");
        var run = started.GetProperty("run").GetString()!;
        var logs = await TextAsync(0, "logs", "-f", run, "each[2]");
        await _site.Api.SucceedRunAsync(run);
        var shown = await JsonAsync("show", run);
        var listed = await JsonAsync("runs", "--tag", "nightly", "--status", "succeeded");
        var explained = await TextAsync(0, "explain", run, "each[2]");

        Assert.Equal("commands", deployed.GetProperty("flow").GetString());
        Assert.Contains("hello again from each[2]", logs, StringComparison.Ordinal);
        Assert.Contains("hello world from start", await TextAsync(0, "logs", run, "start"), StringComparison.Ordinal);
        Assert.Contains(run, Json.Compact(shown), StringComparison.Ordinal);
        Assert.Equal(run, Assert.Single(listed.GetProperty("items").EnumerateArray()).GetProperty("run").GetString());
        Assert.Contains("done", explained, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CancelRetryAndTaskCommands_WorkTogether()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: commands-on-tasks
            steps:
              start: {run: {{{Run.Shell("sleep 1000 & wait")}}}, next: last}
              last: {run: {{{Run.Python("put(got=inputs[0].get('outputs'))")}}} }
            """);
        await TaskProcesses.LiveAsync(run, 2);

        await TextAsync(0, "cancel", run);
        Assert.Equal(RunStatus.Cancelled, (await _site.Api.EndAsync(run, Eventually.Limit)).Status);
        await TextAsync(0, "retry", run);
        await TaskProcesses.LiveAsync(run, 2);
        var refused = await TextAsync(2, "task", "skip", run, "start");
        await TextAsync(0, "task", "kill", run, "start");
        await _site.Api.FailRunAsync(run);

        Assert.Contains("kill it first", refused, StringComparison.Ordinal);
        Assert.Contains("FAN0003", refused, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AServerThatIsNotThere_IsSaidClearly()
    {
        var command = _site.Command("runs", "--server", $"http://127.0.0.1:{Api.FreePort()}");

        Assert.Equal(3, await command.ExitAsync(Eventually.Limit));
        Assert.Contains("fanfare serve", command.Output, StringComparison.Ordinal);
    }

    private async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        using var document = JsonDocument.Parse((await EndedAsync(0, [.. arguments, "--json"])).Results);
        return document.RootElement.Clone();
    }

    private async Task<string> TextAsync(int code, params string[] arguments) => (await EndedAsync(code, arguments)).Output;

    private async Task<FanfareProcess> EndedAsync(int code, params string[] arguments)
    {
        var command = _site.Command([.. arguments, "--server", _site.Url]);
        var ended = await command.ExitAsync(Eventually.Limit);
        Assert.True(ended == code, $"{arguments[0]} ended with {ended}: {command.Output}");
        return command;
    }
}
