using System.Net.Http.Json;

namespace Fanfare.EndToEnd.Tracing;

public sealed class TraceTests : IDisposable
{
    private const string CallersTrace = "0af7651916cd43dd8448eb211c80319c", CallersSpan = "b7ad6b7169203331";

    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-traces-").FullName;
    private readonly int _port = Api.FreePort();
    private readonly OtlpReceiver _receiver = new();
    private readonly List<FanfareProcess> _processes = [];

    public void Dispose()
    {
        foreach (var process in Enumerable.Reverse(_processes)) process.Dispose();
        _receiver.Dispose();
        Directory.Delete(_home, recursive: true);
    }

    [Fact]
    public async Task ARun_IsOneTrace_AcrossARetry_ALoss_AndAKillOfTheServer()
    {
        using var api = new Api(_port);
        // It sends nothing by itself: what ended before it is killed is known from the journal alone.
        var server = await ServeAsync(api, ("OTEL_BSP_SCHEDULE_DELAY", "3600000"));
        var worker = Work();
        var run = await StartAsync((await api.DeployAsync(Flow)).Flow);
        await api.EventAsync(run, "task_succeeded", "work", count: 2);
        Assert.Empty(_receiver.Spans);

        await server.KillAsync();
        await ServeAsync(api, ("OTEL_BSP_SCHEDULE_DELAY", "100"));
        await worker.KillAsync();
        Work();
        await api.EventAsync(run, "task_lost", "work");
        await Eventually.TrueAsync(() => Seen().Count == 6, "Both attempts at the task that waits");
        await File.WriteAllTextAsync(Path.Combine(_home, "go"), "");
        await api.SucceedRunAsync(run);
        var root = await Eventually.GetAsync(() => Task.FromResult(_receiver.Spans.FirstOrDefault(span => span.Name == "run traced")), "The run's span");

        // What is told again says the same, so that it is one to whoever keeps it.
        var spans = _receiver.Spans.GroupBy(span => span.Id).Select(copies => Assert.Single(copies.Distinct())).ToList();
        Assert.Equal("", root.Parent);
        Assert.Equal(1UL, root.Status);
        Assert.Equal(run, root.Attributes["fanfare.run"]);
        var ofRun = spans.Where(span => span.Trace == root.Trace).ToList();
        var attempts = ofRun.Where(span => span.Name.StartsWith("task ", StringComparison.Ordinal)).ToDictionary(span => $"{span.Attributes["fanfare.task"]} {span.Attributes["fanfare.attempt"]}");
        // By what the tasks saw: each attempt has its span, and none has one that did not run.
        Assert.Equal(Seen().OrderBy(seen => seen.Key, StringComparer.Ordinal), attempts.ToDictionary(a => a.Key, a => $"00-{root.Trace}-{a.Value.Id}-01").OrderBy(a => a.Key, StringComparer.Ordinal));
        Assert.Equal(["done 0", "start 0", "work[0] 0", "work[1] 0", "work[1] 1", "work[2] 0", "work[2] 1"], attempts.Keys.Order(StringComparer.Ordinal));
        Assert.All(attempts.Values, attempt => Assert.Equal(root.Id, attempt.Parent));
        Assert.Equal(["succeeded", "succeeded", "succeeded", "failed", "succeeded", "lost", "succeeded"], attempts.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => a.Value.Attributes["fanfare.outcome"]));
        Assert.Equal((2UL, "exit", "3"), (attempts["work[1] 0"].Status, attempts["work[1] 0"].Attributes["error.type"], attempts["work[1] 0"].Attributes["process.exit.code"]));
        Assert.Equal((2UL, "lost"), (attempts["work[2] 0"].Status, attempts["work[2] 0"].Attributes["error.type"]));
        foreach (var (name, attempt) in attempts) CheckParts(attempt, [.. ofRun.Where(span => span.Parent == attempt.Id).OrderBy(span => span.Start).ThenBy(span => span.End)], isLost: name == "work[2] 0");
        Assert.Equal(1 + 7 + (3 * 7) - 2, ofRun.Count);
        Assert.True(root.Start <= ofRun.Min(span => span.Start) && ofRun.Max(span => span.End) <= root.End, "A part of the run is outside of it.");
    }

    [Fact]
    public async Task WhoStartsARun_HasALinkToItInHisOwnTrace()
    {
        using var api = new Api(_port);
        await ServeAsync(api, ("OTEL_BSP_SCHEDULE_DELAY", "100"));
        var run = await StartAsync((await api.DeployAsync(Flow)).Flow, $"00-{CallersTrace}-{CallersSpan}-01");

        var start = await Eventually.GetAsync(() => Task.FromResult(_receiver.Spans.FirstOrDefault()), "The span of the start");

        Assert.Equal((CallersTrace, CallersSpan, "start run of traced"), (start.Trace, start.Parent, start.Name));
        Assert.Equal($"{TraceIds.OfRun("default", run)}-{TraceIds.OfGeneration("default", run, 0)}", start.Link);
    }

    [Fact]
    public async Task ARunThatIsNotSampled_IsNotSent_AndItsTasksAreToldSo()
    {
        using var api = new Api(_port);
        var server = await ServeAsync(api, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0"));
        Work();
        await File.WriteAllTextAsync(Path.Combine(_home, "go"), "");
        var run = await StartAsync((await api.DeployAsync(Flow)).Flow);
        await api.SucceedRunAsync(run);

        server.Terminate();
        Assert.Equal(0, await server.ExitAsync(Eventually.Limit));

        Assert.Empty(_receiver.Spans);
        Assert.Equal($"00-{TraceIds.OfRun("default", run)}-{TraceIds.OfAttempt(new TaskRef("default", run, new StepKey("start", SplitPath.Empty, new SplitPath(0)), 0), 0)}-00", Seen()["start 0"]);
    }

    // From one part to the next without a gap, and together as long as the attempt.
    private static void CheckParts(SentSpan attempt, IReadOnlyList<SentSpan> parts, bool isLost)
    {
        Assert.Equal(isLost ? ["queue"] : ["execution", "queue", "start-up"], parts.Select(part => part.Name).Order(StringComparer.Ordinal));
        var (queue, startUp, execution) = (parts.Single(part => part.Name == "queue"), parts.SingleOrDefault(part => part.Name == "start-up"), parts.SingleOrDefault(part => part.Name == "execution"));
        Assert.Equal(attempt.Start, queue.Start);
        if (isLost) return;
        Assert.Equal((queue.End, startUp!.End, attempt.End), (startUp.Start, execution!.Start, execution.End));
        Assert.True(queue.Start <= queue.End && startUp.Start <= startUp.End && execution.Start <= execution.End, "A part ends before it begins.");
    }

    private const string Seeing = "echo \"$FANFARE_TASK $FANFARE_ATTEMPT $TRACEPARENT\" >> seen";

    private string Flow => $$$"""
        name: traced
        steps:
          start:
            run: cd {{{_home}}}; {{{Seeing}}}
            next: {foreach: work, over: {range: 3}}
          work:
            run: |
              cd {{{_home}}}
              {{{Seeing}}}
              case "$FANFARE_SPLIT-$FANFARE_ATTEMPT" in
                1-0) exit 3;;
                2-*) while [ ! -e go ]; do sleep 0.05; done;;
              esac
            retry: {max_attempts: 2, backoff: {initial: 10ms}}
            next: done
          done:
            join: all
            run: cd {{{_home}}}; {{{Seeing}}}
        """;

    /// <summary>What each attempt found, by task and attempt.</summary>
    private Dictionary<string, string> Seen() => File.ReadAllLines(Path.Combine(_home, "seen")).ToDictionary(line => line[..line.LastIndexOf(' ')], line => line[(line.LastIndexOf(' ') + 1)..]);

    private async Task<FanfareProcess> ServeAsync(Api api, params (string Name, string Value)[] more)
    {
        var environment = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = $"{_receiver.Url}/v1/traces", ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf" };
        foreach (var (name, value) in more) environment[name] = value;
        var server = FanfareProcess.Start(_home, environment, "serve", "--no-worker", "--data", Path.Combine(_home, "data"), "--port", $"{_port}");
        _processes.Add(server);
        await api.ReadyAsync(server);
        return server;
    }

    private FanfareProcess Work()
    {
        var worker = FanfareProcess.Start(_home, "worker", "--server", $"http://127.0.0.1:{_port}", "--slots", "4", "--data", Path.Combine(_home, "worker"));
        _processes.Add(worker);
        return worker;
    }

    private async Task<string> StartAsync(string flow, string? traceParent = null)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_port}") };
        if (traceParent is not null) http.DefaultRequestHeaders.Add("traceparent", traceParent);
        using var answer = await http.PostAsJsonAsync(new Uri($"api/v1/flows/{flow}/runs", UriKind.Relative), new { });
        return (await answer.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>()).GetProperty("run").GetString()!;
    }
}
