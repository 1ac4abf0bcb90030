using System.Text.Json;

namespace Fanfare.Cli.Tests;

public sealed class RunTests : IAsyncLifetime, IDisposable
{
    private FakeServer _server = null!;
    private TestCli _cli = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _cli = new TestCli(_server);
        _cli.Write("flow/flow.yaml", "name: report\n");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task ASucceededRun_ShowsStepsOutputsAndArtifacts_AndExits0()
    {
        _server.SetSteps(FakeServer.Step("start", StepStatus.Succeeded, succeeded: 1), FakeServer.Step("end", StepStatus.Succeeded, succeeded: 1));
        _server.Tasks.Add(FakeServer.Task("end", TaskStatus.Succeeded, null, "{\"lines\": 42}", new Artifact("out/report.html", 2048)));

        var answer = await _cli.RunAsync("run", "flow/flow.yaml");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Contains("Started run r1 of report, deployment 1", answer.Out, StringComparison.Ordinal);
        Assert.Contains($"{_server.Url}runs/r1", answer.Out, StringComparison.Ordinal);
        Assert.Contains("start: succeeded, 1/1 done", answer.Out, StringComparison.Ordinal);
        Assert.Contains("Run r1 succeeded after 12 s: 2 steps, 2 tasks", answer.Out, StringComparison.Ordinal);
        Assert.Contains("\"lines\": 42", answer.Out, StringComparison.Ordinal);
        Assert.Contains($"out/report.html (2 KiB, end)  {_server.Url}api/v1/runs/r1/tasks/end/artifacts/out/report.html", answer.Out, StringComparison.Ordinal);
        Assert.Equal("", answer.Error);
    }

    [Fact]
    public async Task TheDirectory_IsSentOnce_AndDeployedWithItsDigest()
    {
        await _cli.RunAsync("run", "flow/flow.yaml");
        await _cli.RunAsync("run", "flow/flow.yaml");

        Assert.Single(_server.Requests, r => r.StartsWith("PUT", StringComparison.Ordinal));
        Assert.All(_server.Deployed, d => Assert.Equal(_server.Packages.Single().Key, d.Package));
        Assert.All(_server.Deployed, d => Assert.Equal("name: report\n", d.Source));
    }

    [Fact]
    public async Task AFailedRun_NamesItsTasks_TheirErrorsAndLogs_AndExits1()
    {
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Failed, error: new TaskError("exit", "train[3] failed: exit code 7"));
        _server.SetSteps(FakeServer.Step("train", StepStatus.Failed, total: 4, succeeded: 3, failed: 1));
        _server.Tasks.Add(FakeServer.Task("train[3]", TaskStatus.Failed, new TaskError("exit", "ValueError: no rows\nmore", 7)));

        var answer = await _cli.RunAsync("run", "flow/flow.yaml");

        Assert.Equal(ExitCode.RunFailed, answer.Exit);
        Assert.Contains("Run r1 failed after 12 s: 1 step, 4 tasks, 1 failed", answer.Out, StringComparison.Ordinal);
        Assert.Contains("train[3] ValueError: no rows…", answer.Out, StringComparison.Ordinal);
        Assert.Contains("fanfare logs r1 'train[3]'", answer.Out, StringComparison.Ordinal);
        Assert.Contains("fanfare retry r1", answer.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACancelledRun_Exits130()
    {
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Cancelled);

        Assert.Equal(ExitCode.Cancelled, (await _cli.RunAsync("run", "flow/flow.yaml")).Exit);
    }

    [Fact]
    public async Task UnderJson_StandardOutputIsOneDocument()
    {
        _server.SetSteps(FakeServer.Step("start", StepStatus.Succeeded, succeeded: 1));
        _server.Tasks.Add(FakeServer.Task("start", TaskStatus.Succeeded, null, "{\"a\":1}", new Artifact("x.txt", 3)));

        var answer = await _cli.RunAsync("run", "flow/flow.yaml", "--json");

        using var document = JsonDocument.Parse(answer.Out);
        Assert.Equal("succeeded", document.RootElement.GetProperty("run").GetProperty("status").GetString());
        Assert.Equal(1, document.RootElement.GetProperty("outputs").GetProperty("a").GetInt32());
        Assert.Equal("x.txt", document.RootElement.GetProperty("artifacts")[0].GetProperty("name").GetString());
        Assert.Equal("start", document.RootElement.GetProperty("steps")[0].GetProperty("step").GetString());
        Assert.Contains("Started run r1", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnUnfinishedRunWithTheSameParameters_IsTakenUp()
    {
        _server.Parameters = [new ParameterSpec { Name = "size", Type = ParameterType.Int, Default = "10" }];
        _server.Runs.Add(Unfinished("{\"size\":10}"));
        var running = _cli.RunAsync("run", "flow/flow.yaml");
        await _server.WaitForRequestAsync(r => r.Contains("/runs/r1/events", StringComparison.Ordinal));
        _server.Change("r1", RunStatus.Succeeded);

        var answer = await running;

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Contains("Taking up run r1", answer.Out, StringComparison.Ordinal);
        Assert.Empty(_server.Started);
    }

    [Theory]
    [InlineData("{\"size\":11}", RunStatus.Running, 1, "")]
    [InlineData("{\"size\":10}", RunStatus.Running, 1, "--new")]
    [InlineData("{\"size\":10}", RunStatus.Succeeded, 1, "")]
    [InlineData("{\"size\":10}", RunStatus.Cancelling, 1, "")]
    [InlineData("{\"size\":10}", RunStatus.Failing, 1, "")]
    [InlineData("{\"size\":10}", RunStatus.Running, 2, "")]
    public async Task AnotherRun_IsStarted_WhenThereIsNoneToTakeUp(string parameters, RunStatus status, int deployment, string option)
    {
        _server.Parameters = [new ParameterSpec { Name = "size", Type = ParameterType.Int, Default = "10" }];
        _server.Runs.Add(Unfinished(parameters) with { Run = "r0", Status = status, Deployment = deployment });

        var answer = await _cli.RunAsync([.. (string[])["run", "flow/flow.yaml"], .. option.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Single(_server.Started);
    }

    [Fact]
    public async Task Parameters_Tags_AndPriority_ReachTheServer()
    {
        _server.Parameters = [new ParameterSpec { Name = "day" }, new ParameterSpec { Name = "size", Type = ParameterType.Int }];

        await _cli.RunAsync("run", "flow/flow.yaml", "-p", "day=1", "-p", "size=2", "--tag", "a", "--tag", "b", "--priority", "-5");

        var request = _server.Started.Single();
        Assert.Equal("\"1\"", request.Parameters!["day"].GetRawText());
        Assert.Equal("2", request.Parameters["size"].GetRawText());
        Assert.Equal(["a", "b"], request.Tags!);
        Assert.Equal((-5, 1), (request.Priority, request.Deployment));
        Assert.Equal("ada", _server.Headers["X-Fanfare-Actor"]);
    }

    [Fact]
    public async Task Detached_TheRunIsStartedAndLeft()
    {
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Running);

        var answer = await _cli.RunAsync("run", "flow/flow.yaml", "--detach", "--json");

        Assert.Equal(ExitCode.Success, answer.Exit);
        Assert.Equal("r1", JsonDocument.Parse(answer.Out).RootElement.GetProperty("run").GetString());
        Assert.DoesNotContain(_server.Requests, r => r.Contains("/events", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ASpecWithErrors_IsShownInPlace_AndNothingIsSent()
    {
        _cli.CheckSpec = _ => [new SpecError(1, 7, "name", "is not a name", Names.Rule)];

        var answer = await _cli.RunAsync("run", "flow/flow.yaml");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("flow/flow.yaml:1:7: name is not a name\n  1 | name: report\n    |       ^", answer.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task TheFirstInterrupt_CancelsTheRun_AndWaitsForItsEnd()
    {
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Running);
        _server.OnCancel = server => server.Change("r1", RunStatus.Cancelling);
        var running = _cli.RunAsync("run", "flow/flow.yaml");
        await _server.WaitForRequestAsync(r => r.Contains("/events", StringComparison.Ordinal));

        _cli.Interrupts.Raise();
        await _server.WaitForRequestAsync(r => r == "POST /api/v1/runs/r1:cancel");
        Assert.False(running.IsCompleted);
        _server.Change("r1", RunStatus.Cancelled);

        var answer = await running;
        Assert.Equal(ExitCode.Cancelled, answer.Exit);
        Assert.Contains("Run r1 cancelled", answer.Out, StringComparison.Ordinal);
        Assert.Equal(0, _cli.Exits);
    }

    [Fact]
    public async Task TheSecondInterrupt_EndsTheProcessAtOnce()
    {
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Running);
        _server.OnCancel = _ => { };
        var running = _cli.RunAsync("run", "flow/flow.yaml");
        await _server.WaitForRequestAsync(r => r.Contains("/events", StringComparison.Ordinal));

        _cli.Interrupts.Raise();
        _cli.Interrupts.Raise();

        Assert.Equal(1, _cli.Exits);
        _server.Change("r1", RunStatus.Cancelled);
        await running;
    }

    [Fact]
    public async Task ALostEventStream_IsTakenUpWhereItEnded()
    {
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Running);
        var running = _cli.RunAsync("run", "flow/flow.yaml");
        await _server.WaitForRequestAsync(r => r.Contains("/events", StringComparison.Ordinal));
        _server.Emit("step_opened", "{}", id: 77);
        _server.DropEvents();
        await _server.WaitForRequestAsync(_ => _server.EventConnections.Count > 1);
        _server.Change("r1", RunStatus.Succeeded);

        Assert.Equal(ExitCode.Success, (await running).Exit);
        Assert.Equal(["", "77"], _server.EventConnections.Take(2));
    }

    [Fact]
    public async Task Logs_AreFollowed_WhenAskedFor()
    {
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Running);
        _server.Tasks.Add(FakeServer.Task("train[3]", TaskStatus.Running));
        _server.Logs["train[3]"] = [new LogLine(FakeServer.Start, "out", "epoch 1"), new LogLine(FakeServer.Start, "err", "careful")];
        var running = _cli.RunAsync("run", "flow/flow.yaml", "--logs");
        await _server.WaitForRequestAsync(r => r.Contains("/events", StringComparison.Ordinal));
        _server.Emit("task_leased", "{\"split\":3,\"attempt\":0}", "default/step/r1/2:train");
        await _server.WaitForRequestAsync(r => r.Contains("/tasks/train%5B3%5D/logs?follow=true&attempt=0", StringComparison.Ordinal));
        _server.Change("r1", RunStatus.Succeeded);

        var answer = await running;

        Assert.Contains("train[3] | epoch 1", answer.Out, StringComparison.Ordinal);
        Assert.Contains("train[3] ! careful", answer.Out, StringComparison.Ordinal);
    }

    private static RunView Unfinished(string parameters) =>
        FakeServer.Run("r1", RunStatus.Running) with { Parameters = JsonDocument.Parse(parameters).RootElement };
}
