using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Postgres;

namespace Fanfare.Processes;

/// <summary>What the tests ask a server, over HTTP as anybody would. Of several servers each request asks another.</summary>
public sealed class Api(params int[] ports) : IDisposable
{
    private readonly HttpClient _http = new(new InTurn(ports)) { BaseAddress = new Uri($"http://127.0.0.1:{ports[0]}"), Timeout = TimeSpan.FromSeconds(30) };

    /// <inheritdoc cref="Ports.Free"/>
    public static int FreePort() => Ports.Free();

    /// <summary>Waits until the server answers that it is ready.</summary>
    public async Task ReadyAsync(FanfareProcess server)
    {
        for (var until = DateTime.UtcNow.AddSeconds(60); ;)
        {
            if (server.HasExited) throw new InvalidOperationException($"The server ended with {server.ExitCode}:\n{server.Output}");
            try
            {
                using var answer = await _http.GetAsync("/readyz");
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
            }
            if (DateTime.UtcNow > until) throw new TimeoutException($"The server is not ready after 60 s:\n{server.Output}");
            await Task.Delay(20);
        }
    }

    public Task<DeployResponse> DeployAsync(string source) => SendAsync<DeployResponse>(HttpMethod.Post, "/api/v1/flows", new { source });

    public Task<StartRunResponse> StartDeployedAsync(string flow, string? key = null, Dictionary<string, object>? parameters = null) =>
        SendAsync<StartRunResponse>(HttpMethod.Post, $"/api/v1/flows/{flow}/runs", new { idempotency_key = key, parameters });

    public async Task<string> StartAsync(string source, string? key = null, Dictionary<string, object>? parameters = null) =>
        (await StartDeployedAsync((await DeployAsync(source)).Flow, key, parameters)).Run;

    /// <summary>Runs a flow to its end, which has to be a success.</summary>
    public async Task<string> SucceedAsync(string source, Dictionary<string, object>? parameters = null)
    {
        var run = await StartAsync(source, null, parameters);
        await SucceedRunAsync(run);
        return run;
    }

    /// <summary>Waits for the run's end, which has to be a success.</summary>
    public async Task SucceedRunAsync(string run)
    {
        var view = await EndAsync(run, Eventually.Limit);
        Assert.True(view.Status == RunStatus.Succeeded, $"Run {run} is {view.Status}: {view.Error?.Type} {view.Error?.Message}");
    }

    /// <summary>Waits for the run's end, which has to be a failure; returns why.</summary>
    public async Task<TaskError> FailRunAsync(string run)
    {
        var view = await EndAsync(run, Eventually.Limit);
        Assert.Equal(RunStatus.Failed, view.Status);
        return view.Error!;
    }

    public Task<RunView> RunAsync(string run) => SendAsync<RunView>(HttpMethod.Get, $"/api/v1/runs/{run}", null);

    public Task<RunCommandResponse> CommandAsync(string run, string verb, object? body = null) =>
        SendAsync<RunCommandResponse>(HttpMethod.Post, $"/api/v1/runs/{run}:{verb}", body ?? new { });

    /// <summary>Waits for the run's end. A server that says that it cannot answer now is asked again, as it says.</summary>
    public async Task<RunView> EndAsync(string run, TimeSpan limit)
    {
        for (var until = DateTime.UtcNow + limit; ;)
        {
            RunView? view = null;
            try
            {
                view = await RunAsync(run);
                if (view.Status.IsTerminal()) return view;
            }
            catch (HttpRequestException e) when (e.StatusCode == HttpStatusCode.ServiceUnavailable && DateTime.UtcNow <= until)
            {
            }
            if (DateTime.UtcNow > until) throw new TimeoutException($"Run {run} is {view?.Status} after {limit.TotalSeconds} s.");
            await Task.Delay(50);
        }
    }

    /// <summary>All events of a run, in commit order.</summary>
    public async Task<List<EventView>> HistoryAsync(string run)
    {
        var events = new List<EventView>();
        for (string? cursor = null; ;)
        {
            var page = await SendAsync<ListResponse<EventView>>(HttpMethod.Get, $"/api/v1/runs/{run}/history?limit=1000{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}", null);
            events.AddRange(page.Items);
            if (page.Next is null || page.Items.Count == 0) return events;
            cursor = page.Next;
        }
    }

    public async Task<List<TaskView>> TasksAsync(string run)
    {
        var tasks = new List<TaskView>();
        for (string? cursor = null; ;)
        {
            var page = await SendAsync<ListResponse<TaskView>>(HttpMethod.Get, $"/api/v1/runs/{run}/tasks?limit=1000{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}", null);
            tasks.AddRange(page.Items);
            if (page.Next is null) return tasks;
            cursor = page.Next;
        }
    }

    public async Task<IReadOnlyList<NodeInfo>> NodesAsync() => (await SendAsync<ListResponse<NodeInfo>>(HttpMethod.Get, "/api/v1/nodes", null)).Items;

    public Task<ListResponse<RunView>> RunsAsync() => SendAsync<ListResponse<RunView>>(HttpMethod.Get, "/api/v1/runs", null);

    public Task<TaskView> TaskAsync(string run, string task) => SendAsync<TaskView>(HttpMethod.Get, TaskPath(run, task), null);

    /// <summary>A task's outputs; it has to have some.</summary>
    public async Task<JsonElement> OutputAsync(string run, string task) =>
        (await TaskAsync(run, task)).Output ?? throw new InvalidOperationException($"{task} has no output.");

    public async Task<IReadOnlyList<AttemptView>> AttemptsAsync(string run, string task) =>
        (await SendAsync<ListResponse<AttemptView>>(HttpMethod.Get, TaskPath(run, task) + "/attempts", null)).Items;

    public async Task<IReadOnlyList<StepView>> StepsAsync(string run) =>
        (await SendAsync<ListResponse<StepView>>(HttpMethod.Get, $"/api/v1/runs/{run}/steps?limit=1000", null)).Items;

    public Task<Explanation> ExplainAsync(string run, string task) => SendAsync<Explanation>(HttpMethod.Get, TaskPath(run, task) + "/explain", null);

    public Task<string> LogAsync(string run, string task) => GetTextAsync(TaskPath(run, task) + "/logs");

    public Task<string> ArtifactAsync(string run, string task, string name) => GetTextAsync($"{TaskPath(run, task)}/artifacts/{name}");

    /// <summary>Kill, retry or skip of one task.</summary>
    public async Task CommandTaskAsync(string run, string task, string verb, object? body = null)
    {
        var (status, text) = await AnswerAsync(HttpMethod.Post, $"{TaskPath(run, task)}:{verb}", body ?? new { });
        if (status >= 300) throw new HttpRequestException($"{verb} of {task}: {status}\n{text}");
    }

    /// <summary>Waits for an event of the run; one that was there before counts.</summary>
    public Task<EventView> EventAsync(string run, string type, string? step = null, int count = 1) => Eventually.GetAsync(
        async () => (await HistoryAsync(run)).Where(e => e.Type == type && (step is null || IsOf(e, step))).Skip(count - 1).FirstOrDefault(),
        $"{type} of {step ?? "the run"}");

    /// <summary>Whether the event is of that step, in any of its openings.</summary>
    public static bool IsOf(EventView e, string step)
    {
        var name = e.Stream[(e.Stream.LastIndexOf(':') + 1)..];
        return name == step || name.StartsWith(step + "[", StringComparison.Ordinal) || name.StartsWith(step + "#", StringComparison.Ordinal);
    }

    /// <summary>Status and body, whatever they are.</summary>
    public async Task<(int Status, string Body)> AnswerAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = JsonContent.Create(body);
        using var answer = await _http.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public Task<string> GetTextAsync(string path) => _http.GetStringAsync(path);

    public void Dispose() => _http.Dispose();

    private static string TaskPath(string run, string task) => $"/api/v1/runs/{run}/tasks/{Uri.EscapeDataString(task)}";

    private async Task<T> SendAsync<T>(HttpMethod method, string path, object? body)
    {
        var (status, text) = await AnswerAsync(method, path, body);
        if (status >= 300) throw new HttpRequestException($"{method} {path}: {status}\n{text}", null, (HttpStatusCode)status);
        return (T)JsonSerializer.Deserialize(text, ContractsJson.Default.GetTypeInfo(typeof(T))!)!;
    }

    private sealed class InTurn(int[] ports) : DelegatingHandler(new SocketsHttpHandler())
    {
        private int _turn = -1;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.RequestUri = new UriBuilder(request.RequestUri!) { Port = ports[(uint)Interlocked.Increment(ref _turn) % ports.Length] }.Uri;
            return base.SendAsync(request, cancellationToken);
        }
    }
}
