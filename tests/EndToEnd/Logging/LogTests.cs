using System.Text.Json;
using Fanfare.EndToEnd.Tracing;

namespace Fanfare.EndToEnd.Logging;

public sealed class LogTests : IDisposable
{
    private const string Flow = """
        name: logged
        steps:
          start:
            run: '[ "$FANFARE_ATTEMPT" = 1 ] || exit 3'
            retry: {max_attempts: 2, backoff: {initial: 10ms}}
            next: {foreach: work, over: {range: 2}}
          work:
            run: ["true"]
            next: done
          done:
            join: all
            run: ["true"]
        """;

    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-logs-").FullName;
    private readonly int _port = Api.FreePort();
    private readonly List<FanfareProcess> _processes = [];

    public void Dispose()
    {
        foreach (var process in Enumerable.Reverse(_processes)) process.Dispose();
        Directory.Delete(_home, recursive: true);
    }

    [Fact]
    public async Task AsJson_EachLineIsAnObject_ThatNamesRunStepTaskAndTrace()
    {
        using var api = new Api(_port);
        var server = await ServeAsync(api, [], "--log-format", "json", "--log-level", "Fanfare.Attempts=debug,Fanfare.Runs=debug");
        var run = await api.SucceedAsync(Flow);
        server.Terminate();
        Assert.Equal(0, await server.ExitAsync(Eventually.Limit));

        var lines = Lines(server);
        Assert.All(lines, line => Assert.Equal(["at", "level", "category", "message"], line.EnumerateObject().Take(4).Select(member => member.Name)));
        var failed = Assert.Single(lines, line => line.GetProperty("message").GetString()!.Contains("failed", StringComparison.Ordinal));
        var task = new TaskRef("default", run, new StepKey("start", SplitPath.Empty, new SplitPath(0)), 0);
        Assert.Equal(
            ("information", "Fanfare.Attempts", run, "logged", "start", "start", 0, TraceIds.OfRun("default", run), TraceIds.OfAttempt(task, 0)),
            (Text(failed, "level"), Text(failed, "category"), Text(failed, "run"), Text(failed, "flow"), Text(failed, "step"), Text(failed, "task"), failed.GetProperty("attempt").GetInt32(), Text(failed, "trace_id"), Text(failed, "span_id")));
        Assert.Equal(["done", "start", "work[0]", "work[1]"], lines.Where(line => IsOf(line, "Fanfare.Attempts") && Text(line, "message").Contains("succeeded", StringComparison.Ordinal)).Select(line => Text(line, "task")).Order(StringComparer.Ordinal));
        Assert.Equal([$"Run {run} of logged was started by anonymous.", $"Run {run} succeeded."], lines.Where(line => IsOf(line, "Fanfare.Runs")).Select(line => Text(line, "message")));
        Assert.All(lines.Where(line => IsOf(line, "Fanfare.Runs") || IsOf(line, "Fanfare.Attempts")), line => Assert.Equal(TraceIds.OfRun("default", run), Text(line, "trace_id")));
    }

    [Fact]
    public async Task AWorkersLinesAboutAnAttempt_CarryTheNamesAndIdsOfTheServers()
    {
        using var api = new Api(_port);
        var server = await ServeAsync(api, [], "--no-worker", "--log-format", "json", "--log-level", "Fanfare.Attempts=debug");
        var worker = FanfareProcess.Start(_home, ["worker", "--server", $"http://127.0.0.1:{_port}", "--name", "w7", "--data", Path.Combine(_home, "worker"), "--log-format", "json", "--log-level", "debug"]);
        _processes.Add(worker);
        var run = await api.SucceedAsync(Flow);
        foreach (var process in (FanfareProcess[])[worker, server])
        {
            process.Terminate();
            Assert.Equal(0, await process.ExitAsync(Eventually.Limit));
        }

        var lines = Lines(worker);
        Assert.All(lines, line => Assert.Equal(["at", "level", "category", "message"], line.EnumerateObject().Take(4).Select(member => member.Name)));
        // Of the worker itself, and so of no run.
        Assert.All(lines.Where(line => !IsOf(line, "Fanfare.Worker.Attempts")), line => Assert.False(line.TryGetProperty("run", out _)));
        var ofAttempts = lines.Where(line => IsOf(line, "Fanfare.Worker.Attempts")).ToList();
        Assert.All(ofAttempts, line => Assert.Equal(("w7", run), (Text(line, "worker"), Text(line, "run"))));
        var leased = Lines(server).Where(line => IsOf(line, "Fanfare.Attempts") && Text(line, "message").Contains("was leased to w7", StringComparison.Ordinal)).Select(Ids).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(5, leased.Count);
        foreach (var what in (string[])[" starts.", " runs as process group ", " after "])
            Assert.Equal(leased, ofAttempts.Where(line => Text(line, "message").Contains(what, StringComparison.Ordinal)).Select(Ids).Order(StringComparer.Ordinal));
        Assert.EndsWith(" s: exit, exit code 3.", Text(Assert.Single(ofAttempts, line => Text(line, "message").Contains(" failed after ", StringComparison.Ordinal)), "message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWorkerInAServersProcess_LogsThroughTheServersLog()
    {
        using var api = new Api(_port);
        var server = await ServeAsync(api, [], "--log-format", "json", "--log-level", "Fanfare.Worker.Attempts=debug");
        var run = await api.SucceedAsync(Flow);
        server.Terminate();
        Assert.Equal(0, await server.ExitAsync(Eventually.Limit));

        var ofAttempts = Lines(server).Where(line => IsOf(line, "Fanfare.Worker.Attempts")).ToList();
        Assert.Equal(5, ofAttempts.Count(line => Text(line, "message").Contains(" after ", StringComparison.Ordinal)));
        Assert.All(ofAttempts, line => Assert.Equal((run, $"{Environment.MachineName}-embedded"), (Text(line, "run"), Text(line, "worker"))));
    }

    [Fact]
    public async Task LevelsAreChanged_WhileTheServerRuns_AndThatIsLogged()
    {
        using var api = new Api(_port);
        var server = await ServeAsync(api, [], "--log-format", "json");
        var quiet = await api.SucceedAsync(Flow);
        Assert.Equal("debug", await LevelAsync("Fanfare.Attempts", "debug"));
        var loud = await api.SucceedAsync(Flow);
        Assert.Equal("(all others)", await LevelAsync("Fanfare.Attempts"));
        var quietAgain = await api.SucceedAsync(Flow);
        server.Terminate();
        Assert.Equal(0, await server.ExitAsync(Eventually.Limit));

        var lines = Lines(server);
        int Succeeded(string run) => lines.Count(line => IsOf(line, "Fanfare.Attempts") && Text(line, "run") == run && Text(line, "level") == "debug" && Text(line, "message").Contains("succeeded", StringComparison.Ordinal));
        Assert.Equal((0, 4, 0), (Succeeded(quiet), Succeeded(loud), Succeeded(quietAgain)));
        Assert.Equal(2, lines.Count(line => Text(line, "message").StartsWith("The log level of Fanfare.Attempts was set", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("""{"category": "Fanfare", "level": "loud"}""", "level")]
    [InlineData("""{"category": "Fan fare", "level": "debug"}""", "category")]
    public async Task WhatIsNoLevelOrCategory_IsRefused_WithTheFieldAndTheRemedy(string body, string field)
    {
        using var api = new Api(_port);
        await ServeAsync(api, []);

        var (status, text) = await api.AnswerAsync(HttpMethod.Post, "/api/v1/server:log-level", JsonDocument.Parse(body).RootElement);

        Assert.Equal(400, status);
        var error = JsonDocument.Parse(text).RootElement.GetProperty("errors")[0];
        Assert.Equal(field, error.GetProperty("field").GetString());
        Assert.NotEmpty(error.GetProperty("remedy").GetString()!);
    }

    [Fact]
    public async Task WhereTheEnvironmentNamesAReceiver_LinesAreSentThere_BelowTheSpanThatTheyAreAbout()
    {
        using var receiver = new OtlpReceiver();
        using var api = new Api(_port);
        await ServeAsync(api, new()
        {
            ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"] = $"{receiver.Url}/v1/logs",
            ["OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"] = "http/protobuf",
            ["OTEL_BLRP_SCHEDULE_DELAY"] = "100",
        });
        var run = await api.SucceedAsync(Flow);

        var sent = await Eventually.GetAsync(() => Task.FromResult(receiver.Logs.FirstOrDefault(log => log.Attributes.GetValueOrDefault("run") == run)), "The line of the attempt that failed");

        Assert.Equal((TraceIds.OfRun("default", run), TraceIds.OfAttempt(new TaskRef("default", run, new StepKey("start", SplitPath.Empty, new SplitPath(0)), 0), 0)), (sent.Trace, sent.Span));
        Assert.Contains("failed", sent.Text, StringComparison.Ordinal);
        Assert.Equal(("start", "0", false), (sent.Attributes["task"], sent.Attributes["attempt"], sent.Attributes.ContainsKey("trace_id")));
        Assert.Empty(receiver.Spans);
    }

    private static string Text(JsonElement line, string name) => line.GetProperty(name).GetString()!;

    private static bool IsOf(JsonElement line, string category) => Text(line, "category") == category;

    /// <summary>All by which a line about an attempt is found.</summary>
    private static string Ids(JsonElement line) =>
        string.Join(' ', ((string[])["namespace", "run", "flow", "step", "task", "attempt", "worker", "trace_id", "span_id"]).Select(name => line.GetProperty(name).ToString()));

    // What is on standard output is not of the log.
    private static List<JsonElement> Lines(FanfareProcess server)
    {
        var results = server.Results.Split('\n').ToHashSet();
        return [.. server.Output.Split('\n').Where(line => !results.Contains(line) && !line.StartsWith("Stopping.", StringComparison.Ordinal)).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    /// <summary>Sets a category's level, and returns what is shown of it then; where it is not, what holds for it.</summary>
    private async Task<string> LevelAsync(params string[] arguments)
    {
        using var command = FanfareProcess.Start(_home, ["log-level", .. arguments, "--server", $"http://127.0.0.1:{_port}"]);
        Assert.True(await command.ExitAsync(Eventually.Limit) == 0, command.Output);
        var shown = command.Results.Split('\n').Select(line => line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Where(cells => cells.Length == 2).ToDictionary(cells => cells[0], cells => cells[1]);
        return shown.TryGetValue(arguments[0], out var level) ? level : shown.Keys.First(key => key == "(all others)");
    }

    private async Task<FanfareProcess> ServeAsync(Api api, Dictionary<string, string> environment, params string[] more)
    {
        var server = FanfareProcess.Start(_home, environment, ["serve", "--data", Path.Combine(_home, "data"), "--port", $"{_port}", .. more]);
        _processes.Add(server);
        await api.ReadyAsync(server);
        return server;
    }
}
