using Fanfare.Storage.Retaining;

namespace Fanfare.Cli.Hosting;

/// <summary>Hosts gateway, engine and storage in this process.</summary>
internal interface ILocalServer
{
    /// <summary>Returns when the server answers requests. Unfinished runs of the data directory are adopted.</summary>
    /// <exception cref="CommandException">The data directory cannot be used, or the port is taken: says what to do.</exception>
    Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken);
}

/// <summary>A server in this process. Disposing drains it: no new work, attempts under way are ended, the journal is closed.</summary>
internal interface IRunningServer : IAsyncDisposable
{
    /// <summary>Where this machine reaches it.</summary>
    Uri BaseUrl { get; }

    /// <summary>Ends when the server stopped by itself; faulted when it had to.</summary>
    Task Completion { get; }
}

/// <param name="DataDirectory">Absolute; made when missing.</param>
/// <param name="Host">Address to bind to. Anything but loopback needs a token.</param>
/// <param name="Port">0 for any free one.</param>
/// <param name="Token">Access token that requests must carry; null for none.</param>
/// <param name="WithWorker">Also host a worker that takes what this machine has.</param>
/// <param name="Log">Takes lines for the operator.</param>
/// <param name="OrAnyPort">When the port is taken, listen at any free one.</param>
internal sealed record LocalServerOptions(
    string DataDirectory, string Host, int Port, string? Token, bool WithWorker, Action<string> Log, bool OrAnyPort = false)
{
    /// <summary>How lines for the operator are written.</summary>
    public Gateway.LogForm LogForm { get; init; }

    /// <summary>From which level on they are.</summary>
    public Gateway.LogLevels LogLevels { get; init; } = new();

    /// <summary>Where they go before that, once the server begins; null before.</summary>
    public Gateway.ServerLog? Lines { get; init; }

    /// <summary>Sends traces; null where none are kept.</summary>
    public Gateway.TraceExport? Traces { get; init; }

    /// <summary>How long a lease lasts without renewal.</summary>
    public TimeSpan LeaseTerm { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Connection string of a PostgreSQL database, which other servers may share; null for a journal in the data directory.</summary>
    public string? Database { get; init; }

    /// <summary>Where logs, artifacts and packages are; null for the data directory.</summary>
    public BlobPlace? Blobs { get; init; }

    /// <summary>Webhooks that the server takes. Default: none.</summary>
    public IReadOnlyList<Gateway.Webhook> Webhooks { get; init; } = [];

    /// <summary>Tells people of what becomes of flows. Default: nobody.</summary>
    public INotifier Notifier { get; init; } = Notices.Notifier.None;

    /// <summary>The cluster's name, by which it knows its machines from those of others who use the same account of a cloud; null where there are none.</summary>
    public string? Cluster { get; init; }

    /// <summary>Who makes machines of pools, once the server begins; null before.</summary>
    public PoolProviders? Pools { get; init; }

    /// <summary>Takes lines of a category.</summary>
    public Action<string> LogOf(string category) => Lines is { } lines ? lines.Writer(category) : Log;

    /// <summary>Which old runs are archived and removed. Default: none.</summary>
    public RetentionOptions Retention { get; init; } = new();

    /// <summary>Where this server is among others that share the work; null for a server alone, or one that stands by.</summary>
    public SiloPlace? Silo { get; init; }

    /// <summary>Where the other servers of the database reach this one; null for where it listens.</summary>
    public Uri? Advertise { get; init; }
}
