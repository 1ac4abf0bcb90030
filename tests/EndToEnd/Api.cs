using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.EndToEnd;

/// <summary>What the tests ask a server, over HTTP as anybody would.</summary>
internal sealed class Api(int port) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>A port that is free now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

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

    public async Task<string> StartAsync(string source, string? key = null, Dictionary<string, object>? parameters = null)
    {
        var deployed = await SendAsync<DeployResponse>(HttpMethod.Post, "/api/v1/flows", new { source });
        var started = await SendAsync<StartRunResponse>(HttpMethod.Post, $"/api/v1/flows/{deployed.Flow}/runs", new { idempotency_key = key, parameters });
        return started.Run;
    }

    public Task<RunView> RunAsync(string run) => SendAsync<RunView>(HttpMethod.Get, $"/api/v1/runs/{run}", null);

    public Task<RunCommandResponse> CommandAsync(string run, string verb, object? body = null) =>
        SendAsync<RunCommandResponse>(HttpMethod.Post, $"/api/v1/runs/{run}:{verb}", body ?? new { });

    /// <summary>Waits for the run's end.</summary>
    public async Task<RunView> EndAsync(string run, TimeSpan limit)
    {
        for (var until = DateTime.UtcNow + limit; ;)
        {
            var view = await RunAsync(run);
            if (view.Status.IsTerminal()) return view;
            if (DateTime.UtcNow > until) throw new TimeoutException($"Run {run} is {view.Status} after {limit.TotalSeconds} s.");
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

    public Task<string> GetTextAsync(string path) => _http.GetStringAsync(path);

    public void Dispose() => _http.Dispose();

    private async Task<T> SendAsync<T>(HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = JsonContent.Create(body);
        using var answer = await _http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode) throw new HttpRequestException($"{method} {path}: {(int)answer.StatusCode}\n{text}");
        return (T)JsonSerializer.Deserialize(text, ContractsJson.Default.GetTypeInfo(typeof(T))!)!;
    }
}
