using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fanfare.Gateway.Tests;

/// <summary>A gateway on a free port of 127.0.0.1, over fakes. Servers with the usual options are used again by later tests, emptied.</summary>
internal sealed class Server : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly ConcurrentBag<Server> Idle = [];

    private readonly WebApplication _app;
    private bool _reusable;

    private Server(WebApplication app, FakeScheduler scheduler, FakeReads reads, FakeBlobs blobs, FakeJournal journal, bool reusable)
    {
        (_app, Scheduler, Reads, Blobs, Journal, _reusable) = (app, scheduler, reads, blobs, journal, reusable);
        Address = GatewayHost.AddressOf(app);
        Client = NewClient();
    }

    public FakeScheduler Scheduler { get; }

    public FakeReads Reads { get; }

    public FakeBlobs Blobs { get; }

    public FakeJournal Journal { get; }

    public Uri Address { get; }

    public IServiceProvider Services => _app.Services;

    public HttpClient Client { get; private set; }

    public static async Task<Server> StartAsync(Func<GatewayOptions, GatewayOptions>? configure = null)
    {
        if (configure is null && Idle.TryTake(out var idle)) return idle.Renew();
        var options = new GatewayOptions { Port = 0, DataDirectory = "/data", HandleSignals = false };
        var (scheduler, reads, blobs, journal) = (new FakeScheduler(), new FakeReads(), new FakeBlobs(), new FakeJournal());
        World.Fill(reads);
        var app = GatewayHost.Build(configure?.Invoke(options) ?? options, services => services
            .AddSingleton<IScheduler>(scheduler).AddSingleton<IReadModel>(reads).AddSingleton<IBlobStore>(blobs).AddSingleton<IJournal>(journal).AddSingleton<IMetaflowStore>(_ => TemporaryMetaflow.Open())
            .AddSingleton<ISpecReader, FakeSpecs>().AddSingleton(TimeProvider.System).AddSingleton<StepShapes>(_ => World.Shapes));
        await app.StartAsync();
        return new Server(app, scheduler, reads, blobs, journal, reusable: configure is null);
    }

    public HttpClient NewClient() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 }) { BaseAddress = Address, Timeout = Patience };

    public Task StopAsync()
    {
        _reusable = false;
        return _app.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (_reusable) Idle.Add(this);
        else await _app.DisposeAsync();
    }

    private Server Renew()
    {
        Scheduler.Reset();
        Reads.Reset();
        Blobs.All.Clear();
        Journal.Health = null;
        Client = NewClient();
        return this;
    }
}
