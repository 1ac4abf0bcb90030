using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Fanfare.Gateway;

/// <summary>Builds the server that speaks the API and serves the pages, over the ports of an engine.</summary>
public static class GatewayHost
{
    private const int MinTokenChars = 16;

    /// <summary>Builds the server; it listens once it is started, and stops on SIGTERM after its requests are done.</summary>
    /// <param name="ports">Registers <see cref="IScheduler"/>, <see cref="IReadModel"/>, <see cref="IBlobStore"/>, <see cref="IJournal"/>,
    /// <see cref="IMetaflowStore"/>, <see cref="ISpecReader"/> and <see cref="TimeProvider"/>; where several servers share a journal, <see cref="ILeadership"/>. May register more, logging included.</param>
    /// <exception cref="GatewayConfigurationException">The options or the ports are not as they must be.</exception>
    public static WebApplication Build(GatewayOptions options, Action<IServiceCollection> ports)
    {
        var address = Check(options);
        // The empty builder reads no environment variables and no files: nothing but the options decides what is listened on.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = Limits.RequestBytes;
            kestrel.Limits.MaxConcurrentConnections = options.Polls + options.Streams + (4L * (options.Concurrency + options.Waiting)) + options.MetaflowWrites + (2L * options.MetaflowWaiting);
            kestrel.Listen(address, options.Port);
        });
        var services = builder.Services;
        services.AddRouting();
        services.AddLogging();
        services.AddSingleton(options);
        services.AddSingleton<Drain>();
        services.AddSingleton<Signals>();
        services.AddSingleton<ServerTelemetry>();
        services.AddSingleton<ServerGauges>();
        services.AddSingleton<Deployments>();
        services.AddSingleton<TaskLookup>();
        services.AddSingleton<LogLines>();
        services.AddSingleton<StepShapes>(CompiledShapes.Of);
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainTimeout);
        services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json => GatewayJson.Configure(json.SerializerOptions));
        services.AddLimits(options);
        services.AddApiDocument();
        if (!options.HandleSignals) services.Replace(ServiceDescriptor.Singleton<IHostLifetime, SilentLifetime>());
        ports(services);
        services.TryAddSingleton<LogLevels>();
        CheckPorts(services);

        var app = builder.Build();
        app.Services.GetRequiredService<ServerTelemetry>();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseMiddleware<ResponseHeaders>();
        if (app.Services.GetService<ILeadership>() is not null) app.UseMiddleware<Forwarding>();
        app.UseRouting();
        app.UseMiddleware<AccessGuard>();
        app.UseMiddleware<OriginGuard>();
        app.UseMiddleware<QueryGuard>();
        app.UseRequestTimeouts();
        app.UseRateLimiter();
        FlowsApi.Map(app);
        SchedulesApi.Map(app);
        BackfillsApi.Map(app);
        TriggersApi.Map(app);
        EventsApi.Map(app);
        NoticesApi.Map(app);
        PoolsApi.Map(app);
        WebhooksApi.Map(app, options);
        RunsApi.Map(app);
        History.Map(app);
        ArchivesApi.Map(app);
        EventStream.Map(app);
        TasksApi.Map(app);
        LogsApi.Map(app);
        ArtifactsApi.Map(app);
        PollApi.Map(app);
        LeasesApi.Map(app, options);
        PackagesApi.Map(app);
        ServerApi.Map(app);
        MetricsApi.Map(app);
        LogLevelsApi.Map(app);
        MetaflowApi.Map(app);
        app.MapOpenApi("/openapi/{documentName}.json").AsRead().ExcludeFromDescription();
        Assets.Map(app);
        PagesApi.Map(app);
        return app;
    }

    /// <summary>Where a started server listens, such as <c>http://127.0.0.1:7433</c>.</summary>
    /// <exception cref="InvalidOperationException">The server was not started.</exception>
    public static Uri AddressOf(WebApplication app) =>
        new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault()
            ?? throw new InvalidOperationException("The server listens once it is started."));

    private static IPAddress Check(GatewayOptions options)
    {
        if (options.Port is < 0 or > 65535)
            throw new GatewayConfigurationException($"Port {options.Port} is not a port. Give 1 to 65535, or 0 for any free one.");
        var address = options.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback
            : options.Host == "*" ? IPAddress.IPv6Any
            : IPAddress.TryParse(options.Host.Trim('[', ']'), out var given) ? given
            : throw new GatewayConfigurationException($"Host '{options.Host}' is not an address to listen on. Give an IP address, 'localhost', or '*' for all.");
        if (options.AccessToken is { } token && (token.Length < MinTokenChars || token.Any(c => c is <= ' ' or > '~')))
            throw new GatewayConfigurationException($"The access token must have at least {MinTokenChars} printable ASCII characters without spaces. Make one: openssl rand -hex 32.");
        if (options.AccessToken is null && !IPAddress.IsLoopback(address))
            throw new GatewayConfigurationException($"Listening on {options.Host} lets other machines in, and no access token is set. Set one, or listen on 127.0.0.1.");
        return address;
    }

    private static void CheckPorts(IServiceCollection services)
    {
        Type[] needed = [typeof(IScheduler), typeof(IReadModel), typeof(IBlobStore), typeof(IJournal), typeof(IMetaflowStore), typeof(ISpecReader), typeof(TimeProvider)];
        var missing = needed.Where(port => services.All(s => s.ServiceType != port)).Select(port => port.Name).ToList();
        if (missing.Count > 0)
            throw new GatewayConfigurationException($"Not registered: {string.Join(", ", missing)}. The gateway takes its ports from the services.");
    }

    /// <summary>For a host that handles the process's signals itself.</summary>
    private sealed class SilentLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
