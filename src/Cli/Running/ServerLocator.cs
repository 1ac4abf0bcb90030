using Fanfare.Cli.Api;
using Fanfare.Cli.Hosting;
using Fanfare.Cli.Output;
using Fanfare.Gateway;
using Microsoft.Extensions.Logging;

namespace Fanfare.Cli.Running;

/// <summary>A server to run on, and whether it lives in this process.</summary>
internal sealed class LocatedServer(ApiClient api, IRunningServer? hosted, string? dataDirectory) : IAsyncDisposable
{
    public ApiClient Api { get; } = api;

    public bool Hosted => hosted is not null;

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        if (hosted is null) return;
        DataDirectory.ClearAddress(dataDirectory!, hosted.BaseUrl);
        await hosted.DisposeAsync();
    }
}

/// <summary>Finds the server for <c>fanfare run</c>. One that was named must answer. Otherwise it is the one that holds the
/// data directory, else the one at the default address, else a new one in this process.</summary>
internal sealed class ServerLocator(CliHost host, ServerAddress address, Screen screen, string? data)
{
    /// <summary>What becomes of runs and attempts is on the screen already.</summary>
    private static readonly KeyValuePair<string, LogLevel>[] _shown = [new(EngineLog.Runs, LogLevel.None), new(EngineLog.Attempts, LogLevel.None), new(WorkerLog.Attempts, LogLevel.Warning)];

    private readonly string _directory = DataDirectory.Resolve(host, data);

    public async Task<LocatedServer> LocateAsync(CancellationToken cancellationToken)
    {
        if (address.Explicit)
        {
            var named = new ApiClient(address, host.Clock);
            await named.GetVersionAsync(cancellationToken);
            return new LocatedServer(named, null, null);
        }
        if (DataDirectory.ReadAddress(_directory) is { } noted
            && await ProbeAsync(noted, theDirectory: true, cancellationToken) is { } holder)
            return holder;
        // A data directory that was asked for is not to be swapped for another.
        if (await ProbeAsync(address.Url, theDirectory: data is not null, cancellationToken) is { } found) return found;
        return await HostAsync(cancellationToken);
    }

    private async Task<LocatedServer?> ProbeAsync(Uri url, bool theDirectory, CancellationToken cancellationToken)
    {
        var api = new ApiClient(address with { Urls = [url] }, host.Clock);
        try
        {
            var version = await api.GetVersionAsync(cancellationToken);
            if (!theDirectory || Path.TrimEndingDirectorySeparator(version.DataDirectory) == Path.TrimEndingDirectorySeparator(_directory))
                return new LocatedServer(api, null, null);
        }
        catch (UnreachableException)
        {
            // Then it is not this one.
        }
        catch
        {
            api.Dispose();
            throw;
        }
        api.Dispose();
        return null;
    }

    private async Task<LocatedServer> HostAsync(CancellationToken cancellationToken)
    {
        var server = await (host.LocalServer ?? throw CliHost.Lacks("a server")).StartAsync(
            new LocalServerOptions(_directory, "127.0.0.1", address.Url.Port, address.Token, WithWorker: true, screen.Note, OrAnyPort: true) { LogLevels = new LogLevels(_shown) }, cancellationToken);
        DataDirectory.WriteAddress(_directory, server.BaseUrl);
        screen.Note($"Started a server at {server.BaseUrl.ToString().TrimEnd('/')} for this run; its data is in {_directory}.");
        return new LocatedServer(new ApiClient(address with { Urls = [server.BaseUrl] }, host.Clock), server, _directory);
    }
}
