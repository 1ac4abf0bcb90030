using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Engine;
using Fanfare.Fuzz.Kernel;
using Fanfare.Gateway;
using Fanfare.Specs;
using Fanfare.Storage;
using Fanfare.Storage.Blobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fanfare.Fuzz.Server;

/// <summary>Gateway, engine and SQLite store in this process, put together as the embedded server does it, on a free port of the loopback.</summary>
internal sealed class RealServer : IAsyncDisposable
{
    /// <summary>Longest any answer may take that does not wait by design.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ConcurrentQueue<string> _warnings;
    private readonly string _directory;
    private readonly SqliteStore _store;
    private readonly EngineNode _engine;
    private readonly WebApplication _gateway;

    private RealServer(string directory, ConcurrentQueue<string> warnings, SqliteStore store, EngineNode engine, WebApplication gateway)
    {
        (_directory, _warnings, _store, _engine, _gateway) = (directory, warnings, store, engine, gateway);
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = GatewayHost.AddressOf(gateway), Timeout = Patience };
    }

    public HttpClient Client { get; }

    public IReadModel Reads => _store.ReadModel;

    /// <summary>What the engine told its operator and no input may make it say: a broken invariant, a stream that cannot be opened.</summary>
    public IReadOnlyList<string> Complaints => [.. _warnings];

    /// <param name="leaseTerm">How long a lease lasts that nobody renews.</param>
    public static Task<RealServer> StartAsync(TimeSpan leaseTerm) => StartAsync(leaseTerm, Directory.CreateTempSubdirectory("fanfare-fuzz-server-").FullName);

    /// <summary>On a data directory that is there; it is removed with the server.</summary>
    public static async Task<RealServer> StartAsync(TimeSpan leaseTerm, string directory)
    {
        var warnings = new ConcurrentQueue<string>();
        var store = await SqliteStore.OpenAsync(directory, TimeProvider.System, warnings.Enqueue);
        try
        {
            return await StartAsync(leaseTerm, directory, warnings, store);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    private static async Task<RealServer> StartAsync(TimeSpan leaseTerm, string directory, ConcurrentQueue<string> warnings, SqliteStore store)
    {
        var provider = new NoMachines();
        var blobs = new DirectoryBlobStore(Path.Combine(directory, "blobs"));
        var engine = new EngineNode(
            new EngineOptions { Seed = 1, LeaseTerm = leaseTerm, LeaseMargin = TimeSpan.FromMilliseconds(500), ScanEvery = TimeSpan.FromSeconds(1), ProviderOf = _ => provider },
            store.Journal, store.ReadModel, blobs, TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, warnings.Enqueue);
        await engine.RecoverAsync();
        var gateway = GatewayHost.Build(
            new GatewayOptions { Port = 0, DataDirectory = directory, HandleSignals = false },
            services => services
                .AddSingleton<IScheduler>(engine)
                .AddSingleton(store.ReadModel)
                .AddSingleton(store.Journal)
                .AddSingleton<IBlobStore>(blobs)
                // Made when it is first asked for, and closed with the gateway.
                .AddSingleton<IMetaflowStore>(_ => SqliteMetaflow.OpenAsync(directory, TimeProvider.System).GetAwaiter().GetResult())
                .AddSingleton<ISpecReader, SpecReader>()
                .AddSingleton(TimeProvider.System));
        await gateway.StartAsync();
        return new RealServer(directory, warnings, store, engine, gateway);
    }

    /// <summary>Deploys a flow that is right, and returns its name.</summary>
    public async Task<string> DeployAsync(string source)
    {
        using var answer = await PostAsync("/api/v1/flows", JsonSerializer.Serialize(new { source }));
        return await MemberAsync(answer, "flow");
    }

    public async Task<string> StartRunAsync(string flow)
    {
        using var answer = await PostAsync($"/api/v1/flows/{flow}/runs", "{}");
        return await MemberAsync(answer, "run");
    }

    /// <returns>The event's id.</returns>
    public async Task<string> PublishAsync(string name)
    {
        using var answer = await PostAsync("/api/v1/events", JsonSerializer.Serialize(new { name }));
        return await MemberAsync(answer, "event");
    }

    /// <summary>Makes a pool whose file is right.</summary>
    public async Task SetPoolAsync(string pool, string source)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { source })));
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        using var answer = await Client.PutAsync(new Uri($"/api/v1/pools/{pool}", UriKind.Relative), content);
        await MemberAsync(answer, "pool");
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(json));
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        return Client.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    /// <summary>Says what is wrong with an answer: a server's error, or a refusal without problem details. Null when it is right.</summary>
    public static async Task<string?> FaultOfAsync(HttpResponseMessage answer, bool hasBody)
    {
        if ((int)answer.StatusCode >= 500) return $"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}";
        // What is no HTTP at all is refused by the HTTP server itself, with an empty body.
        if ((int)answer.StatusCode < 400 || !hasBody || answer.Content.Headers.ContentLength == 0) return null;
        if (answer.Content.Headers.ContentType?.MediaType != "application/problem+json") return $"{(int)answer.StatusCode} without problem details";
        var text = await answer.Content.ReadAsStringAsync();
        using var problem = JsonDocument.Parse(text);
        var whole = problem.RootElement.TryGetProperty("type", out _) && problem.RootElement.TryGetProperty("detail", out var detail) && detail.GetString()!.Length > 0
            && problem.RootElement.TryGetProperty("status", out var status) && status.GetInt32() == (int)answer.StatusCode;
        return whole ? null : $"Problem details without type, status or detail: {text}";
    }

    /// <summary>Stops it, and leaves its data directory, which is returned.</summary>
    public async Task<string> StopAsync()
    {
        Client.Dispose();
        await _gateway.StopAsync();
        await _gateway.DisposeAsync();
        await _engine.DisposeAsync();
        await _store.DisposeAsync();
        return _directory;
    }

    public async ValueTask DisposeAsync() => Directory.Delete(await StopAsync(), recursive: true);

    private static async Task<string> MemberAsync(HttpResponseMessage answer, string member)
    {
        var text = await answer.Content.ReadAsStringAsync();
        if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.Created)) throw new FuzzException($"{(int)answer.StatusCode}: {text}");
        using var document = JsonDocument.Parse(text);
        return document.RootElement.GetProperty(member).GetString()!;
    }

    private sealed class SpecReader : ISpecReader
    {
        public SpecReading Read(string source)
        {
            var result = FlowSpecReader.Read(source);
            return new SpecReading(result.Spec, result.Errors);
        }

        public PoolReading ReadPool(string source)
        {
            var (pool, errors) = PoolFileReader.Read(source);
            return new PoolReading(pool, errors);
        }
    }
}
