using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>A gateway that follows a script: it hands out the leases it is given, settles what is reported, and keeps a record.
/// It can be taken down and brought back on the same port, or made to hang or refuse.</summary>
public sealed class FakeGateway : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Lease> _waiting = [];
    private readonly List<CancelLease> _cancels = [];
    private readonly Dictionary<string, Lease> _leased = [];
    private readonly List<(Func<bool> Condition, TaskCompletionSource Source)> _watchers = [];
    private WebApplication? _app;
    private TaskCompletionSource _poke = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _port;

    public List<PollRequest> Polls { get; } = [];

    public List<string?> Authorizations { get; } = [];

    public Dictionary<string, FinishedAttempt> Finished { get; } = [];

    /// <summary>How often each token was reported as finished.</summary>
    public Dictionary<string, int> Reports { get; } = [];

    public ConcurrentDictionary<string, byte[]> Logs { get; } = new();

    public ConcurrentDictionary<string, int> LogPuts { get; } = new();

    public ConcurrentDictionary<string, byte[]> Artifacts { get; } = new();

    public ConcurrentDictionary<string, byte[]> Items { get; } = new();

    public ConcurrentDictionary<string, byte[]> Packages { get; } = new();

    public ConcurrentDictionary<string, int> PackageGets { get; } = new();

    /// <summary>Packages that are asked for and never come.</summary>
    public ConcurrentDictionary<string, TaskCompletionSource> HeldPackages { get; } = new();

    public ConcurrentDictionary<string, byte[]> Published { get; } = new();

    public ConcurrentDictionary<string, IReadOnlyList<LeaseInput>> Inputs { get; } = new();

    /// <summary>Tokens that uploads are refused for, as void.</summary>
    public ConcurrentDictionary<string, bool> VoidTokens { get; } = new();

    public int TermMs { get; set; } = 300_000;

    /// <summary>How many servers it says that share the work.</summary>
    public int? Servers { get; set; }

    public bool Settles { get; set; } = true;

    /// <summary>Whether polls are held until there is something to say.</summary>
    public bool Parks { get; set; } = true;

    /// <summary>Delay before a poll that reports something is answered.</summary>
    public TimeSpan ReportDelay { get; set; }

    /// <summary>Answers nothing at all while set.</summary>
    public bool Hangs { get; set; }

    /// <summary>Status for all requests; null to work.</summary>
    public int? Refuses { get; set; }

    public int RetryAfterSeconds { get; set; }

    public int RefusedCount { get; private set; }

    /// <summary>Whether it is of a release that knows why workers drain; an older one refuses what it does not know.</summary>
    public bool KnowsDraining { get; set; } = true;

    public Uri Address => new($"http://127.0.0.1:{_port}");

    public static async Task<FakeGateway> StartAsync()
    {
        var gateway = new FakeGateway();
        await gateway.UpAsync();
        return gateway;
    }

    public async Task UpAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, _port);
            k.Limits.MaxRequestBodySize = null;
            k.Limits.MinRequestBodyDataRate = null;
        });
        var app = builder.Build();
        app.Run(HandleAsync);
        await app.StartAsync();
        _port = new Uri(app.Urls.First()).Port;
        _app = app;
    }

    /// <summary>As if killed: connections break.</summary>
    public async Task DownAsync()
    {
        var app = _app ?? throw new InvalidOperationException("Not up.");
        _app = null;
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        Poke();
        try
        {
            await app.StopAsync(now.Token);
        }
        catch (OperationCanceledException)
        {
            // Connections were cut, as asked.
        }
        await app.DisposeAsync();
    }

    public void Offer(params Lease[] leases)
    {
        lock (_lock) _waiting.AddRange(leases);
        Poke();
    }

    public void Cancel(string token, string reason = "cancelled by a test", bool isVoid = false)
    {
        lock (_lock) _cancels.Add(new CancelLease(token, reason, isVoid));
        Poke();
    }

    public async Task<FinishedAttempt> FinishedAsync(string token, double seconds = 60)
    {
        await UntilAsync(() => Finished.ContainsKey(token), $"the end of {token}", seconds);
        lock (_lock) return Finished[token];
    }

    public IReadOnlyList<LogLine> Log(string token) =>
        !Logs.TryGetValue(token, out var bytes) ? [] : [.. Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonSerializer.Deserialize(l, ContractsJson.Default.LogLine)!)];

    /// <summary>Waits for something that the record shows; looked at after every request.</summary>
    public async Task UntilAsync(Func<bool> condition, string what, double seconds = 60)
    {
        TaskCompletionSource source;
        lock (_lock)
        {
            if (condition()) return;
            source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _watchers.Add((condition, source));
        }
        try
        {
            await source.Task.WaitAsync(TimeSpan.FromSeconds(seconds));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited {seconds} s for {what}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await DownAsync();
    }

    private void Poke()
    {
        TaskCompletionSource poke;
        lock (_lock)
        {
            poke = _poke;
            _poke = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        poke.TrySetResult();
    }

    private void Notify()
    {
        lock (_lock)
        {
            foreach (var (condition, source) in _watchers.ToList())
                if (condition()) source.TrySetResult();
            _watchers.RemoveAll(w => w.Source.Task.IsCompleted);
        }
    }

    private async Task HandleAsync(HttpContext context)
    {
        if (Hangs)
        {
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }
        if (Refuses is { } status)
        {
            lock (_lock) RefusedCount++;
            context.Response.StatusCode = status;
            if (RetryAfterSeconds > 0) context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
            Notify();
            return;
        }
        lock (_lock) Authorizations.Add(context.Request.Headers.Authorization);
        var path = context.Request.Path.Value!;
        var token = context.Request.Query["token"].ToString();
        if (token.Length > 0 && VoidTokens.ContainsKey(token))
        {
            context.Response.StatusCode = 409;
            return;
        }
        if (path.EndsWith(":poll", StringComparison.Ordinal)) await PollAsync(context);
        else if (path == "/readyz") context.Response.StatusCode = 200;
        else if (path == "/api/v1/leases/log") await LogAsync(context, token);
        else if (path == "/api/v1/leases/artifact") Artifacts[$"{token}/{context.Request.Query["name"]}"] = await BodyAsync(context);
        else if (path == "/api/v1/leases/items") await ItemsAsync(context, token);
        else if (path == "/api/v1/leases/inputs") await InputsAsync(context, token);
        else if (path == "/api/v1/leases/published") await BytesAsync(context, Published, $"{context.Request.Query["task"]}|{context.Request.Query["split"]}|{context.Request.Query["attempt"]}|{context.Request.Query["name"]}");
        else if (path.StartsWith("/api/v1/packages/", StringComparison.Ordinal))
        {
            var digest = path["/api/v1/packages/".Length..];
            PackageGets.AddOrUpdate(digest, 1, (_, n) => n + 1);
            if (HeldPackages.TryGetValue(digest, out var asked))
            {
                asked.TrySetResult();
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return;
            }
            await BytesAsync(context, Packages, digest);
        }
        else context.Response.StatusCode = 404;
        Notify();
    }

    private async Task PollAsync(HttpContext context)
    {
        var request = (await JsonSerializer.DeserializeAsync(context.Request.Body, ContractsJson.Default.PollRequest))!;
        if (!KnowsDraining && request.Draining is not null)
        {
            lock (_lock) RefusedCount++;
            context.Response.StatusCode = 400;
            return;
        }
        lock (_lock) Polls.Add(request);
        // The newer poll releases the older.
        Poke();
        if (request.Finished.Count > 0 && ReportDelay > TimeSpan.Zero) await Task.Delay(ReportDelay);
        var settled = new List<string>();
        lock (_lock)
        {
            foreach (var attempt in request.Finished)
            {
                Finished[attempt.Token] = attempt;
                _leased.Remove(attempt.Token);
                Reports[attempt.Token] = Reports.GetValueOrDefault(attempt.Token) + 1;
                if (Settles) settled.Add(attempt.Token);
            }
        }
        // What it should hold and did not list went to a poll whose answer it never saw.
        List<Lease> missing;
        lock (_lock) missing = [.. _leased.Values.Where(l => request.Held.All(h => h.Token != l.Token))];
        Notify();
        var until = DateTime.UtcNow.AddMilliseconds(request.WaitMs);
        while (true)
        {
            Task poke;
            PollResponse? answer = null;
            lock (_lock)
            {
                poke = _poke.Task;
                if (context.RequestAborted.IsCancellationRequested) return;
                var superseded = Polls[^1].Boot != request.Boot || Polls[^1].Sequence > request.Sequence;
                if (!Parks || superseded || settled.Count > 0 || missing.Count > 0 || _cancels.Count > 0 || (_waiting.Count > 0 && request.MaxLeases > 0) || DateTime.UtcNow >= until || _app is null)
                {
                    var leases = superseded ? [] : _waiting.Take(request.MaxLeases).ToList();
                    if (!superseded) _waiting.RemoveRange(0, leases.Count);
                    foreach (var lease in leases) _leased[lease.Token] = lease;
                    leases.AddRange(missing);
                    answer = new PollResponse { Leases = leases, Cancel = superseded ? [] : [.. _cancels], Settled = settled, TermMs = TermMs, Servers = Servers };
                    if (!superseded) _cancels.Clear();
                }
            }
            if (answer is not null)
            {
                context.Response.ContentType = "application/json";
                await JsonSerializer.SerializeAsync(context.Response.Body, answer, ContractsJson.Default.PollResponse);
                return;
            }
            var left = until - DateTime.UtcNow;
            await Task.WhenAny(poke, Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero));
        }
    }

    private async Task LogAsync(HttpContext context, string token)
    {
        var offset = long.Parse(context.Request.Query["offset"]!, CultureInfo.InvariantCulture);
        var body = await BodyAsync(context);
        long size;
        lock (_lock)
        {
            var log = Logs.GetValueOrDefault(token, []);
            if (offset <= log.Length) log = [.. log.AsSpan(0, (int)offset), .. body];
            Logs[token] = log;
            LogPuts[token] = LogPuts.GetValueOrDefault(token) + 1;
            size = log.Length;
        }
        await context.Response.WriteAsync(size.ToString(CultureInfo.InvariantCulture));
    }

    private async Task ItemsAsync(HttpContext context, string token)
    {
        Items[token] = await BodyAsync(context);
        var count = Encoding.UTF8.GetString(Items[token]).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
        await JsonSerializer.SerializeAsync(context.Response.Body, new ItemsUploaded(new FileItems("items", "index", 1000), count), ContractsJson.Default.ItemsUploaded);
    }

    private async Task InputsAsync(HttpContext context, string token)
    {
        await using var writer = new StreamWriter(context.Response.Body);
        foreach (var input in Inputs[token]) await writer.WriteLineAsync(JsonSerializer.Serialize(input, ContractsJson.Default.LeaseInput));
    }

    private static async Task BytesAsync(HttpContext context, ConcurrentDictionary<string, byte[]> from, string key)
    {
        if (from.TryGetValue(key, out var bytes)) await context.Response.Body.WriteAsync(bytes);
        else context.Response.StatusCode = 404;
    }

    private static async Task<byte[]> BodyAsync(HttpContext context)
    {
        using var buffer = new MemoryStream();
        await context.Request.Body.CopyToAsync(buffer);
        return buffer.ToArray();
    }
}
