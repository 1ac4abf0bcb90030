namespace Fanfare.Gateway;

/// <summary>Where the gateway listens, whom it lets in, and how much it takes at a time.</summary>
public sealed record GatewayOptions
{
    /// <summary>An IP address, or <c>localhost</c>. Anything that is not loopback needs <see cref="AccessToken"/>. Default: 127.0.0.1.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 picks a free port, see <see cref="GatewayHost.AddressOf"/>. Default: 7433.</summary>
    public int Port { get; init; } = 7433;

    /// <summary>When set, every request but those for health must carry it; at least 16 printable ASCII characters. Default: none.</summary>
    public string? AccessToken { get; init; }

    /// <summary>Webhooks that the server takes, under <c>/hooks/NAME</c>. Default: none.</summary>
    public IReadOnlyList<Webhook> Webhooks { get; init; } = [];

    /// <summary>The directory that the server keeps its state in; shown by <c>GET /api/v1/version</c>.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Whether the process's SIGTERM and SIGINT stop the server; false where the host handles them itself. Default: true.</summary>
    public bool HandleSignals { get; init; } = true;

    /// <summary>Whether metrics are collected from when the server listens. If not, they are from when somebody asks for them first, and what was counted before is not told. Default: true.</summary>
    public bool MeasuresFromStart { get; init; } = true;

    /// <summary>Longest a stop waits for requests in progress. Default: 10 s.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest a command waits for the journal before 503. Default: 30 s.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest a query may take before 503. Default: 15 s.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Between two comments on an event stream that has nothing to say. Default: 15 s.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Commands (and, apart from them, queries and uploads) carried out at a time. Default: 64.</summary>
    public int Concurrency { get; init; } = 64;

    /// <summary>Commands (and, apart from them, queries and uploads) that may wait for their turn; more are answered 429. Default: 512.</summary>
    public int Waiting { get; init; } = 512;

    /// <summary>Writes of Metaflow's metadata carried out at a time; they share flushes. Default: 1,000.</summary>
    public int MetaflowWrites { get; init; } = 1000;

    /// <summary>Writes of Metaflow's metadata (and, apart from them, its queries) that may wait for their turn; more are answered 503. Default: 10,000.</summary>
    public int MetaflowWaiting { get; init; } = 10_000;

    /// <summary>Event streams and followed logs open at a time; more are answered 429. Default: 1,000.</summary>
    public int Streams { get; init; } = 1000;

    /// <summary>Worker polls parked at a time; more are answered 429. Default: 10,000.</summary>
    public int Polls { get; init; } = 10_000;

    /// <summary>Bytes of one artifact, or of the lines of one foreach. Default: 16 GiB.</summary>
    public long ArtifactBytes { get; init; } = 16L * 1024 * 1024 * 1024;
}
