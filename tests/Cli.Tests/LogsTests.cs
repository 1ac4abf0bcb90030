namespace Fanfare.Cli.Tests;

public sealed class LogsTests : IAsyncLifetime, IDisposable
{
    private FakeServer _server = null!;
    private TestCli _cli = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _cli = new TestCli(_server);
        _server.Runs.Add(FakeServer.Run("r1", RunStatus.Succeeded));
        _server.Tasks.Add(FakeServer.Task("start", TaskStatus.Succeeded));
        _server.Tasks.Add(FakeServer.Task("train[3,1]", TaskStatus.Succeeded));
        _server.Logs["start"] = [Line("out", "hello"), Line("err", "warning")];
        _server.Logs["train[3,1]"] = [Line("out", "epoch 1"), Line("out", "epoch 2"), Line("fanfare", "the log ends here")];
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task ATasksLog_IsPrintedAsItWasWritten()
    {
        var answer = await _cli.RunAsync("logs", "r1", "train[3,1]", "--tail", "2", "--stream", "out", "--attempt", "0");

        Assert.Equal("epoch 2\n", answer.Out);
        Assert.Equal("the log ends here\n", answer.Error);
        Assert.Contains("GET /api/v1/runs/r1/tasks/train%5B3%2C1%5D/logs?tail=2&attempt=0&stream=out", _server.Requests);
        Assert.Equal("application/x-ndjson", _server.Headers["Accept"]);
    }

    [Fact]
    public async Task WithoutATask_AllLogsArePrinted_WithTheirTasks()
    {
        var answer = await _cli.RunAsync("logs", "last");

        Assert.Equal("start | hello\nstart | warning\ntrain[3,1] | epoch 1\ntrain[3,1] | epoch 2\n", answer.Out);
    }

    [Fact]
    public async Task UnderJson_EachLineIsADocument()
    {
        var answer = await _cli.RunAsync("logs", "r1", "start", "--json");

        Assert.Equal("""
            {"task":"start","at":"2026-01-31T09:00:00+00:00","stream":"out","text":"hello"}
            {"task":"start","at":"2026-01-31T09:00:00+00:00","stream":"err","text":"warning"}

            """, answer.Out);
    }

    [Fact]
    public async Task Followed_TheRunsTasksThatStartLater_AreAdded_UntilTheRunEnds()
    {
        _server.Runs[0] = FakeServer.Run("r1", RunStatus.Running);
        _server.Logs["end"] = [Line("out", "bye")];
        var running = _cli.RunAsync("logs", "r1", "-f", "--timestamps");
        await _server.WaitForRequestAsync(r => r.Contains("/events", StringComparison.Ordinal));
        _server.Emit("task_leased", "{\"split\":0,\"attempt\":0}", "default/step/r1/1:end");
        await _server.WaitForRequestAsync(r => r.Contains("/tasks/end/logs?follow=true&attempt=0", StringComparison.Ordinal));
        _server.Change("r1", RunStatus.Failed);

        var answer = await running;

        Assert.Equal(ExitCode.Success, answer.Exit);
        Assert.Contains("2026-01-31T09:00:00.000Z end | bye\n", answer.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATaskThatIsNotThere_IsRefusedInWords()
    {
        var answer = await _cli.RunAsync("logs", "r1", "nope");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("There is no 'nope'.", answer.Error, StringComparison.Ordinal);
    }

    private static LogLine Line(string stream, string text) => new(FakeServer.Start, stream, text);
}
