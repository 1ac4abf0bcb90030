using System.Text.Json;

namespace Fanfare.Cli.Tests;

public sealed class ListingTests : IAsyncLifetime, IDisposable
{
    private FakeServer _server = null!;
    private TestCli _cli = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _cli = new TestCli(_server);
        _server.Runs.Add(FakeServer.Run("r2", RunStatus.Failed, error: new TaskError("exit", "train[3] failed")));
        _server.Runs.Add(FakeServer.Run("r1", RunStatus.Succeeded));
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Runs_AreATable()
    {
        var answer = await _cli.RunAsync("runs", "--flow", "report", "--status", "failed", "--tag", "a&b", "--active", "--limit", "5");

        Assert.Equal(ExitCode.Success, answer.Exit);
        Assert.Contains("GET /api/v1/runs?limit=5&flow=report&status=failed&tag=a%26b&active=true", _server.Requests);
        Assert.Contains("No runs.", answer.Out, StringComparison.Ordinal);

        var all = (await _cli.RunAsync("runs")).Out;
        Assert.Matches(@"RUN +FLOW +STATUS +STARTED +TOOK +TAGS", all);
        Assert.Matches(@"r2 +report@1 +failed +2026-01-31 \d\d:\d\d:00 +12 s +nightly", all);
        Assert.DoesNotContain('\u001b', all);
    }

    [Fact]
    public async Task RunsUnderJson_AreThePageAsTheApiHasIt()
    {
        using var document = JsonDocument.Parse((await _cli.RunAsync("runs", "--json")).Out);

        Assert.Equal(["r2", "r1"], document.RootElement.GetProperty("items").EnumerateArray().Select(r => r.GetProperty("run").GetString()!));
    }

    [Fact]
    public async Task Last_StandsForTheNewestRun()
    {
        var answer = await _cli.RunAsync("show", "last");

        Assert.Contains("Run r2 of report, deployment 1: failed", answer.Out, StringComparison.Ordinal);
        Assert.Contains("exit: train[3] failed", answer.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_HasAStepsTable_AndTheFailedTasks()
    {
        _server.SetSteps(FakeServer.Step("train", StepStatus.Failed, total: 4, succeeded: 2, failed: 1, running: 1));
        _server.Tasks.Add(FakeServer.Task("train[3]", TaskStatus.Failed, new TaskError("exit", "no rows", 7)));

        var answer = await _cli.RunAsync("show", "r2");

        Assert.Matches(@"train +failed +3/4 +1 +0 +1 +3\.0 s", answer.Out);
        Assert.Contains("train[3] no rows", answer.Out, StringComparison.Ordinal);

        using var cli = new TestCli(_server);
        using var document = JsonDocument.Parse((await cli.RunAsync("show", "r2", "--json")).Out);
        Assert.Equal("train[3]", document.RootElement.GetProperty("failed_tasks")[0].GetProperty("task").GetString());
    }

    [Theory]
    [InlineData("cancel r1 --reason why", "POST /api/v1/runs/r1:cancel", "Run r1 is cancelled.")]
    [InlineData("pause r1", "POST /api/v1/runs/r1:pause", "Run r1 is succeeded.")]
    [InlineData("resume r1", "POST /api/v1/runs/r1:resume", "Run r1 is succeeded.")]
    [InlineData("retry r1 --from train", "POST /api/v1/runs/r1:retry", "Run r1 is succeeded.")]
    [InlineData("task kill r1 train[3,1]", "POST /api/v1/runs/r1/tasks/train%5B3%2C1%5D:kill", "train[3,1] asked to end.")]
    [InlineData("task retry r1 train", "POST /api/v1/runs/r1/tasks/train:retry", "train goes back to the start.")]
    [InlineData("explain r1 train[3]", "GET /api/v1/runs/r1/tasks/train%5B3%5D/explain", "train[3] is waiting: No worker has 64 cores free.")]
    [InlineData("flows", "GET /api/v1/flows?limit=100", "report")]
    [InlineData("flows report", "GET /api/v1/flows/report", "report, deployment 1")]
    [InlineData("flows report --deployments", "GET /api/v1/flows/report/deployments?limit=100", "A report")]
    [InlineData("flow delete report", "DELETE /api/v1/flows/report", "Deleted report, up to deployment 1.")]
    [InlineData("flow delete report --deployment 7", "DELETE /api/v1/flows/report?deployment=7", "report was deleted before, up to deployment 7.")]
    [InlineData("workers", "GET /api/v1/workers", "3/4")]
    [InlineData("workers", "GET /api/v1/workers", "draining: spot interruption at ")]
    [InlineData("queues", "GET /api/v1/queues", "17")]
    [InlineData("version", "GET /api/v1/version", "data in /srv/fanfare")]
    public async Task EachCommand_AsksTheServer_AndSaysWhatCame(string line, string request, string expected)
    {
        var answer = await _cli.RunAsync(line.Split(' '));

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Contains(request, _server.Requests);
        Assert.Contains(expected, answer.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("runs")]
    [InlineData("show r1")]
    [InlineData("cancel r1")]
    [InlineData("task kill r1 train")]
    [InlineData("explain r1 train")]
    [InlineData("flows")]
    [InlineData("flows report")]
    [InlineData("flow delete report")]
    [InlineData("workers")]
    [InlineData("queues")]
    [InlineData("version")]
    [InlineData("trigger report")]
    public async Task UnderJson_EachCommandPutsOutOneDocument(string line)
    {
        var answer = await _cli.RunAsync([.. line.Split(' '), "--json"]);

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(answer.Out).RootElement.ValueKind);
    }

    [Fact]
    public async Task Skip_SendsTheOutput_AlsoFromAFile()
    {
        _cli.Write("out.json", "{\"score\": 0.5}");

        Assert.Equal(ExitCode.Success, (await _cli.RunAsync("task", "skip", "r1", "train", "--output", "@out.json")).Exit);

        Assert.Equal("{\"output\":{\"score\":0.5}}", _server.Headers["body of skip"]);
    }

    [Fact]
    public async Task Trigger_WithAKey_SendsIt_AndFollowsOnDemand()
    {
        var answer = await _cli.RunAsync("trigger", "report", "--key", "k1", "--deployment", "3", "--follow");

        Assert.Equal(ExitCode.Success, answer.Exit);
        Assert.Equal(("k1", 3), (_server.Started.Single().IdempotencyKey, _server.Started.Single().Deployment));
        Assert.Contains("Run r1 succeeded", answer.Out, StringComparison.Ordinal);
    }
}
