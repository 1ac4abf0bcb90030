using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>EC2's instance metadata service as far as a worker asks it: tokens of version 2 that end, a notice, a recommendation; and whatever can be wrong with it.</summary>
public sealed class FakeMetadata : IAsyncDisposable
{
    private const string TtlHeader = "X-aws-ec2-metadata-token-ttl-seconds", TokenHeader = "X-aws-ec2-metadata-token";

    private readonly WebApplication _app;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTime> _tokens = [];
    private readonly List<(Func<bool> Condition, TaskCompletionSource Source)> _watchers = [];
    private int _given;

    private FakeMetadata(WebApplication app) => _app = app;

    public Uri Endpoint { get; private set; } = null!;

    /// <summary>What is at <c>spot/instance-action</c>; null for nothing.</summary>
    public string? Action { get; set; }

    /// <summary>What is at <c>events/recommendations/rebalance</c>; null for nothing.</summary>
    public string? Rebalance { get; set; }

    /// <summary>How long the tokens last that it gives out; null for as long as they are asked for.</summary>
    public int? TtlSeconds { get; set; }

    /// <summary>Status of all answers; null to work.</summary>
    public int? Refuses { get; set; }

    /// <summary>Answers nothing at all while set.</summary>
    public bool Hangs { get; set; }

    /// <summary>How many requests it left without an answer.</summary>
    public int Ignored { get; private set; }

    /// <summary>Method, path and status of what was answered, in order.</summary>
    public ConcurrentQueue<(string Method, string Path, int Status)> Answers { get; } = new();

    /// <summary>How many looks for a notice were answered.</summary>
    public int Looks => Answers.Count(a => a.Path.EndsWith("/instance-action", StringComparison.Ordinal) && a.Status is 200 or 404);

    public int TokensGiven => Answers.Count(a => a.Method == "PUT" && a.Status == 200);

    public static async Task<FakeMetadata> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var fake = new FakeMetadata(app);
        app.Run(fake.HandleAsync);
        await app.StartAsync();
        fake.Endpoint = new Uri(app.Urls.First());
        return fake;
    }

    /// <summary>EC2 says that it takes the machine back.</summary>
    public void Interrupt(string action, DateTimeOffset at) => Action = $$"""{"action": "{{action}}", "time": "{{at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}}"}""";

    /// <summary>EC2 recommends to leave the machine.</summary>
    public void Recommend() => Rebalance = """{"noticeTime": "2020-10-27T08:22:00Z"}""";

    /// <summary>No token that was given out is known any more.</summary>
    public void ForgetTokens()
    {
        lock (_lock) _tokens.Clear();
    }

    /// <summary>Waits for something that the answers show; looked at after each.</summary>
    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (condition()) return;
            _watchers.Add((condition, source));
        }
        try
        {
            await source.Task.WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited 60 s for {what}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        if (Hangs)
        {
            lock (_lock) Ignored++;
            Notify();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }
        var (status, body) = Answer(context);
        context.Response.StatusCode = status;
        await context.Response.WriteAsync(body);
        Answers.Enqueue((context.Request.Method, context.Request.Path.Value!, status));
        Notify();
    }

    private void Notify()
    {
        lock (_lock)
        {
            foreach (var (condition, source) in _watchers)
                if (condition()) source.TrySetResult();
            _watchers.RemoveAll(w => w.Source.Task.IsCompleted);
        }
    }

    private (int Status, string Body) Answer(HttpContext context)
    {
        if (Refuses is { } refusal) return (refusal, "refused by a test");
        var request = context.Request;
        if (request.Path == "/latest/api/token")
        {
            if (request.Method != "PUT") return (405, "");
            if (!int.TryParse(request.Headers[TtlHeader], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) || asked is < 1 or > 21_600) return (400, "");
            var ttl = TtlSeconds ?? asked;
            lock (_lock)
            {
                var token = $"token-{++_given}==";
                _tokens[token] = DateTime.UtcNow.AddSeconds(ttl);
                context.Response.Headers[TtlHeader] = ttl.ToString(CultureInfo.InvariantCulture);
                return (200, token);
            }
        }
        lock (_lock)
            if (!_tokens.TryGetValue(request.Headers[TokenHeader].ToString(), out var until) || until <= DateTime.UtcNow) return (401, "");
        var found = request.Path.Value switch
        {
            "/latest/meta-data/spot/instance-action" => Action,
            "/latest/meta-data/events/recommendations/rebalance" => Rebalance,
            _ => null,
        };
        return found is null ? (404, "") : (200, found);
    }
}
