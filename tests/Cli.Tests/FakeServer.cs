using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Fanfare.Cli.Tests;

/// <summary>A server that answers as it was told to: what the API promises, without an engine behind it.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 1, 31, 9, 0, 0, TimeSpan.Zero);

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, (int Status, string Type, string Body)> _canned = [];
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private Channel<EventView> _events = Channel.CreateUnbounded<EventView>();

    private FakeServer(WebApplication app) => _app = app;

    public Uri Url { get; private set; } = null!;

    /// <summary>Method, path and query of each request, as in <c>GET /api/v1/runs?limit=50</c>.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public ConcurrentDictionary<string, string> Headers { get; } = [];

    public ConcurrentDictionary<string, byte[]> Packages { get; } = [];

    public List<RunView> Runs { get; } = [];

    public List<StepView> Steps { get; } = [];

    public List<TaskView> Tasks { get; } = [];

    public ConcurrentDictionary<string, LogLine[]> Logs { get; } = [];

    public ConcurrentQueue<StartRunRequest> Started { get; } = [];

    public ConcurrentQueue<DeployRequest> Deployed { get; } = [];

    public List<PoolInfo> Pools { get; } = [];

    /// <summary>Pools that were set, and by which file.</summary>
    public ConcurrentQueue<(string Pool, string Source)> PoolsSet { get; } = [];

    /// <summary>The Last-Event-ID of each connection to the event stream; empty for none.</summary>
    public ConcurrentQueue<string> EventConnections { get; } = [];

    public string DataDirectory { get; set; } = "/srv/fanfare";

    public IReadOnlyList<ParameterSpec> Parameters { get; set; } = [];

    public IReadOnlyList<string> StepNames { get; set; } = ["start"];

    /// <summary>What a run that is started looks like. Default: it has succeeded at once.</summary>
    public Func<StartRunRequest, RunView> OnStart { get; set; } = request => Run("r1", RunStatus.Succeeded, request.Parameters);

    /// <summary>What cancelling a run does. Default: it is cancelled.</summary>
    public Action<FakeServer> OnCancel { get; set; } = server => server.Change("r1", RunStatus.Cancelled);

    public static async Task<FakeServer> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        var server = new FakeServer(app);
        server.Map();
        await app.StartAsync();
        server.Url = new Uri(app.Urls.Single());
        return server;
    }

    public static RunView Run(
        string id, RunStatus status, IReadOnlyDictionary<string, JsonElement>? parameters = null, TaskError? error = null, int deployment = 1) => new(
            id, "report", deployment, status, JsonSerializer.SerializeToElement(parameters ?? new Dictionary<string, JsonElement>()), ["nightly"], 0, null, "ada", 0,
            Start, status.IsTerminal() ? Start.AddSeconds(12) : null, error, $"/runs/{id}");

    public static StepView Step(string name, StepStatus status, int total = 1, int running = 0, int succeeded = 0, int failed = 0) => new(
        name, name, status, total, total - running - succeeded - failed, running, 0, succeeded, failed, 0, Start, status == StepStatus.Open ? null : Start.AddSeconds(3));

    public static TaskView Task(string name, TaskStatus status, TaskError? error = null, string? output = null, params Artifact[] artifacts) => new(
        name, name.Split('[')[0], Splits(name), status, 0, "w1", Start, Start, Start.AddSeconds(1), error,
        output is null ? null : JsonDocument.Parse(output).RootElement, artifacts);

    /// <summary>Answers this path (method included) so from now on.</summary>
    public void Answer(string request, int status, string body, string type = "application/problem+json") => _canned[request] = (status, type, body);

    /// <summary>Takes this request from now on, and hangs up without an answer.</summary>
    public void HangUpOn(string request) => _canned[request] = (0, "", "");

    public void Change(string run, RunStatus status)
    {
        lock (_lock)
        {
            var index = Runs.FindIndex(r => r.Run == run);
            Runs[index] = Runs[index] with { Status = status, EndedAt = status.IsTerminal() ? Start.AddSeconds(20) : null };
        }
        Emit("run_changed", "{}");
    }

    public void SetSteps(params StepView[] steps)
    {
        lock (_lock)
        {
            Steps.Clear();
            Steps.AddRange(steps);
        }
        Emit("steps_changed", "{}");
    }

    public void Emit(string type, string data, string stream = "default/run/r1", long? id = null) =>
        _events.Writer.TryWrite(new EventView(id ?? Requests.Count + 1000, stream, 1, Start, "system", type, JsonDocument.Parse(data).RootElement));

    /// <summary>Ends the event stream's connections; the next ones go on with what is emitted later.</summary>
    public void DropEvents()
    {
        var old = _events;
        _events = Channel.CreateUnbounded<EventView>();
        old.Writer.Complete();
    }

    /// <summary>Waits until a request came that <paramref name="matches"/>.</summary>
    public async Task WaitForRequestAsync(Func<string, bool> matches)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!Requests.Any(matches)) await System.Threading.Tasks.Task.Delay(10, limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        // A test may have ended it before.
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync();
        await _app.DisposeAsync();
        _stopping.Dispose();
    }

    private static SplitPath Splits(string name) =>
        name.IndexOf('[', StringComparison.Ordinal) is > 0 and var at && SplitPath.TryParse(name[(at + 1)..^1], ',', out var path) ? path : SplitPath.Empty;

    private void Map()
    {
        _app.Use(CannedAsync);
        _app.MapGet("/api/v1/version", () => Json(new VersionView("0.1.0", 1, "inc", 7, DataDirectory)));
        _app.MapGet("/api/v1/packages/{digest}", (string digest) => Packages.TryGetValue(digest, out var bytes) ? Results.Bytes(bytes) : Results.NotFound());
        _app.MapPut("/api/v1/packages/{digest}", async (string digest, HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            Packages[digest] = body.ToArray();
            return Results.StatusCode(201);
        });
        _app.MapPost("/api/v1/flows", async (HttpRequest request) =>
        {
            Deployed.Enqueue(await ReadAsync<DeployRequest>(request));
            return Json(new DeployResponse("report", 1, "d", true));
        });
        var flow = new Func<FlowView>(() => new FlowView("report", 1, "d", "A report", null, Start, "ada", Parameters, StepNames, null));
        _app.MapGet("/api/v1/flows", () => Json(new ListResponse<FlowView>([flow()], null)));
        _app.MapGet("/api/v1/flows/{flow}", () => Json(flow()));
        _app.MapDelete("/api/v1/flows/{flow}", (string flow, int? deployment) => Json(new DeleteFlowResponse(flow, deployment ?? 1, New: deployment is null)));
        _app.MapGet("/api/v1/flows/{flow}/deployments", () => Json(new ListResponse<FlowView>([flow()], null)));
        _app.MapGet("/api/v1/workers", () => Json(new ListResponse<WorkerInfo>(
            [new WorkerInfo("w1", "b", Start, new ResourceSpec(4, 1 << 30, 0, 0), new ResourceSpec(3, 1 << 29, 0, 0), 1, [], SpotInterruption.Draining("stop", Start))], null)));
        _app.MapGet("/api/v1/queues", () => Json(new ListResponse<QueueInfo>([new QueueInfo("default", "default", 2, 17, 3)], null)));
        MapPools();
        MapRuns();
        MapTasks();
    }

    private void MapPools()
    {
        _app.MapGet("/api/v1/pools", () => Json(new ListResponse<PoolInfo>(Pools, null)));
        _app.MapGet("/api/v1/pools/{pool}", (string pool) => Pools.Find(info => info.Spec.Name == pool) is { } found ? Json(found) : NotFound(pool));
        _app.MapPut("/api/v1/pools/{pool}", async (string pool, HttpRequest request) =>
        {
            var source = (await ReadAsync<SetPoolRequest>(request)).Source;
            var isNew = !PoolsSet.Contains((pool, source));
            PoolsSet.Enqueue((pool, source));
            return Json(new PoolChange(pool, 1, isNew));
        });
        _app.MapDelete("/api/v1/pools/{pool}", (string pool) => Json(new PoolChange(pool, 2, New: Pools.RemoveAll(info => info.Spec.Name == pool) > 0)));
    }

    private void MapRuns()
    {
        _app.MapPost("/api/v1/flows/{flow}/runs", async (HttpRequest request) =>
        {
            var body = await ReadAsync<StartRunRequest>(request);
            Started.Enqueue(body);
            var run = OnStart(body);
            lock (_lock) Runs.Insert(0, run);
            return Json(new StartRunResponse(run.Run, run.Flow, run.Deployment, true, run.Page));
        });
        _app.MapGet("/api/v1/runs", (string? flow, bool? active, int? deployment, string? status) =>
        {
            lock (_lock)
                return Json(new ListResponse<RunView>(
                    [.. Runs.Where(r => (active != true || !r.Status.IsTerminal()) && (deployment is null || r.Deployment == deployment) && (flow is null || r.Flow == flow))], null));
        });
        _app.MapGet("/api/v1/runs/{run}", (string run) =>
        {
            lock (_lock) return Runs.FirstOrDefault(r => r.Run == run) is { } found ? Json(found) : NotFound(run);
        });
        foreach (var verb in (string[])["cancel", "pause", "resume", "retry"])
            _app.MapPost($"/api/v1/runs/{{run}}:{verb}", (string run) =>
            {
                if (verb == "cancel") OnCancel(this);
                lock (_lock) return Json(new RunCommandResponse(run, Runs.FirstOrDefault(r => r.Run == run)?.Status ?? RunStatus.Running));
            });
        _app.MapGet("/api/v1/runs/{run}/steps", () =>
        {
            lock (_lock) return Json(new ListResponse<StepView>([.. Steps], null));
        });
        _app.MapGet("/api/v1/runs/{run}/events", async (HttpContext http) =>
        {
            EventConnections.Enqueue(http.Request.Headers["Last-Event-ID"].ToString());
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(": hello\n\n");
            await http.Response.Body.FlushAsync();
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _stopping.Token);
            try
            {
                await foreach (var item in _events.Reader.ReadAllAsync(ending.Token))
                {
                    await http.Response.WriteAsync($"id: {item.Id}\nevent: {item.Type}\ndata: {JsonSerializer.Serialize(item, ContractsJson.Default.EventView)}\n\n");
                    await http.Response.Body.FlushAsync();
                }
            }
            catch (OperationCanceledException) when (ending.IsCancellationRequested)
            {
                // The client left.
            }
        });
    }

    private void MapTasks()
    {
        _app.MapGet("/api/v1/runs/{run}/tasks", (string? step, string? status) =>
        {
            lock (_lock)
                return Json(new ListResponse<TaskView>([.. Tasks.Where(t => (step is null || t.Step == step) && (status is null || Output.Words.Of(t.Status) == status))
                    // As the gateway's listing does.
                    .Select(t => t with { Output = null, Artifacts = null })], null));
        });
        _app.MapGet("/api/v1/runs/{run}/tasks/{task}", (string task) =>
        {
            lock (_lock)
                return Tasks.FirstOrDefault(t => t.Task == Uri.UnescapeDataString(task)) is { } found ? Json(found) : NotFound(task);
        });
        _app.MapGet("/api/v1/runs/{run}/tasks/{task}/logs", (string task, int? tail) =>
        {
            if (!Logs.TryGetValue(Uri.UnescapeDataString(task), out var lines)) return NotFound(task);
            return Results.Text(string.Concat(lines.TakeLast(tail ?? int.MaxValue).Select(l => JsonSerializer.Serialize(l, ContractsJson.Default.LogLine) + "\n")), "application/x-ndjson");
        });
        _app.MapGet("/api/v1/runs/{run}/tasks/{task}/explain", (string task) => Json(new Explanation("waiting", "No worker has 64 cores free.", [$"{task} asks for 64 cores."])));
        foreach (var verb in (string[])["kill", "retry", "skip"])
            _app.MapPost($"/api/v1/runs/{{run}}/tasks/{{task}}:{verb}", async (string task, HttpRequest request) =>
            {
                Headers[$"body of {verb}"] = await new StreamReader(request.Body).ReadToEndAsync();
                return Results.NoContent();
            });
    }

    private Task CannedAsync(HttpContext http, RequestDelegate next)
    {
        var request = $"{http.Request.Method} {http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget}";
        Requests.Enqueue(request);
        foreach (var header in http.Request.Headers) Headers[header.Key] = header.Value.ToString();
        if (!_canned.TryGetValue($"{http.Request.Method} {http.Request.Path}", out var canned)) return next(http);
        if (canned.Status == 0)
        {
            http.Abort();
            return System.Threading.Tasks.Task.CompletedTask;
        }
        http.Response.StatusCode = canned.Status;
        if (canned.Status == 503) http.Response.Headers.RetryAfter = "0";
        http.Response.ContentType = canned.Type;
        return http.Response.WriteAsync(canned.Body);
    }

    private static IResult NotFound(string what) => Results.Text(
        $$"""{"type":"/docs/errors/FAN0002","title":"Not found","status":404,"detail":"There is no '{{what}}'.","errors":[]}""", "application/problem+json", statusCode: 404);

    private static async Task<T> ReadAsync<T>(HttpRequest request) =>
        (T)(await JsonSerializer.DeserializeAsync(request.Body, ContractsJson.Default.GetTypeInfo(typeof(T))!))!;

    private static IResult Json<T>(T value) => Results.Text(JsonSerializer.Serialize(value, ContractsJson.Default.GetTypeInfo(typeof(T))!), "application/json");
}
