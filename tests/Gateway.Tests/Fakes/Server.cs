using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fanfare.Gateway.Tests;

/// <summary>A gateway on a free port of 127.0.0.1, over fakes.</summary>
internal sealed class Server : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly WebApplication _app;

    private Server(WebApplication app, FakeScheduler scheduler, FakeReads reads, FakeBlobs blobs, FakeJournal journal)
    {
        (_app, Scheduler, Reads, Blobs, Journal) = (app, scheduler, reads, blobs, journal);
        Address = GatewayHost.AddressOf(app);
        Client = NewClient();
    }

    public FakeScheduler Scheduler { get; }

    public FakeReads Reads { get; }

    public FakeBlobs Blobs { get; }

    public FakeJournal Journal { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public static async Task<Server> StartAsync(Func<GatewayOptions, GatewayOptions>? configure = null)
    {
        var options = new GatewayOptions { Port = 0, DataDirectory = "/data", HandleSignals = false };
        var (scheduler, reads, blobs, journal) = (new FakeScheduler(), new FakeReads(), new FakeBlobs(), new FakeJournal());
        World.Fill(reads);
        var app = GatewayHost.Build(configure?.Invoke(options) ?? options, services => services
            .AddSingleton<IScheduler>(scheduler).AddSingleton<IReadModel>(reads).AddSingleton<IBlobStore>(blobs).AddSingleton<IJournal>(journal)
            .AddSingleton<ISpecReader, FakeSpecs>().AddSingleton(TimeProvider.System).AddSingleton<StepShapes>(_ => World.Shapes));
        await app.StartAsync();
        return new Server(app, scheduler, reads, blobs, journal);
    }

    public HttpClient NewClient() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address, Timeout = Patience };

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }
}
