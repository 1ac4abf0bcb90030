using System.Text.Json;

namespace Fanfare.EndToEnd.Metrics.Alerts;

/// <summary>No worker serves a queue.</summary>
internal sealed class UnservedQueue : SharedFault
{
    private string _run = "";

    public override IReadOnlyList<string> Alerts => ["FanfareQueueStuck"];

    public override async Task BreakAsync(RunningPrometheus prometheus) => _run = await Site.Api.StartAsync("""
        name: unserved
        steps:
          start: {queue: gpu, run: "true"}
        """);

    public override async Task MendAsync()
    {
        Worker("gpu", "gpu");
        await Site.Api.SucceedRunAsync(_run);
    }
}

/// <summary>A flow fails again and again, for want of something that it reads.</summary>
internal sealed class BrokenFlow : SharedFault
{
    private readonly List<string> _runs = [];

    public override IReadOnlyList<string> Alerts => ["FanfareFlowFails", "FanfareAttemptsFail"];

    public override async Task BreakAsync(RunningPrometheus prometheus)
    {
        var flow = (await Site.Api.DeployAsync($$$"""
            name: broken
            steps:
              start:
                run: {{{Run.Shell($"cat '{Site.In("source")}'")}}}
                retry: {max_attempts: 10, backoff: {initial: 10ms, max: 10ms}}
            """)).Flow;
        for (var i = 0; i < 3; i++) _runs.Add((await Site.Api.StartDeployedAsync(flow)).Run);
        foreach (var run in _runs) await Site.Api.FailRunAsync(run);
    }

    public override async Task MendAsync()
    {
        Site.Touch("source");
        foreach (var run in _runs) await Site.Api.CommandAsync(run, "retry");
        foreach (var run in _runs) await Site.Api.SucceedRunAsync(run);
    }
}

/// <summary>Events have what a trigger's flow cannot take.</summary>
internal sealed class UnfitPayload : SharedFault
{
    public override IReadOnlyList<string> Alerts => ["FanfareDeadLetters"];

    public override async Task BreakAsync(RunningPrometheus prometheus) =>
        Assert.Equal(201, (await Site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/events", new { name = "orders", payload = new { size = "many" } })).Status);

    public override async Task MendAsync()
    {
        await DeployAsync("string");
        var (status, body) = await Site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/dead-letters:redrive", new { flow = "etl" });
        Assert.Equal(200, status);
        Assert.Equal(1, JsonDocument.Parse(body).RootElement.GetProperty("settled").GetInt32());
    }

    protected override Task PrepareAsync() => DeployAsync("int");

    private Task<DeployResponse> DeployAsync(string type) => Site.Api.DeployAsync($$$"""
        name: etl
        parameters: {size: {type: {{{type}}}, default: {{{(type == "int" ? "0" : "none")}}}} }
        triggers:
          on_orders: {event: orders, map: {size: size}}
        steps:
          start: {run: "true"}
        """);
}

/// <summary>A worker dies with its tasks, by kill -9.</summary>
internal abstract class DeadWorker : SharedFault
{
    private const int Tasks = 6;

    private string _run = "";

    public override IReadOnlyList<string> Alerts => ["FanfareWorkersLost"];

    protected abstract string Queue { get; }

    // Beside the worker's directory, which has the queue's name.
    private string Go => Queue + ".go";

    protected FanfareProcess Process { get; private set; } = null!;

    public override async Task BreakAsync(RunningPrometheus prometheus) => await Process.KillAsync();

    public override async Task MendAsync()
    {
        Site.Touch(Go);
        await Site.Api.SucceedRunAsync(_run);
    }

    protected void StartWorker() => Process = Worker(Queue, Queue);

    protected override async Task PrepareAsync()
    {
        StartWorker();
        _run = await Site.Api.StartAsync($$$"""
            name: {{{Queue}}}
            steps:
              start: {queue: {{{Queue}}}, run: "true", next: {foreach: work, over: {range: {{{Tasks}}}} }}
              work: {queue: {{{Queue}}}, run: {{{Run.Shell(Run.Await(Site.In(Go)))}}}, next: last}
              last: {queue: {{{Queue}}}, join: all, run: "true"}
            """);
        await TaskProcesses.LiveAsync(_run, Tasks);
    }
}

/// <summary>It stays away, as its machine does, and its leases run out.</summary>
internal sealed class LostWorker : DeadWorker
{
    public override (string Name, string Value)? Label => ("fanfare_cause", "lease_expired");

    protected override string Queue => "lost";

    public override Task MendAsync()
    {
        StartWorker();
        return base.MendAsync();
    }
}

/// <summary>It is started again, and has forgotten them.</summary>
internal sealed class RestartedWorker : DeadWorker
{
    public override (string Name, string Value)? Label => ("fanfare_cause", "worker_restarted");

    protected override string Queue => "restarted";

    public override async Task BreakAsync(RunningPrometheus prometheus)
    {
        await base.BreakAsync(prometheus);
        StartWorker();
    }
}
