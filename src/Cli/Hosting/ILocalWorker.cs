using Fanfare.Worker;

namespace Fanfare.Cli.Hosting;

/// <summary>Hosts a worker agent in this process.</summary>
internal interface ILocalWorker
{
    /// <summary>Runs until cancelled, then ends what it holds and returns.</summary>
    /// <exception cref="CommandException">An option is wrong, or the work directory cannot be used: says what to do.</exception>
    Task RunAsync(LocalWorkerOptions options, CancellationToken cancellationToken);
}

/// <param name="Servers">Gateways, the preferred one first.</param>
/// <param name="Token">Access token for the gateways; null for none.</param>
/// <param name="Name">Unique in the cluster; null for the machine's name.</param>
/// <param name="Queues">In order of preference; empty for all.</param>
/// <param name="WorkDirectory">Absolute; where attempts have their directories. One worker at a time may use it.</param>
/// <param name="Slots">Cores to offer; null for all of the machine's.</param>
/// <param name="SecretsDirectory">A file for each secret; null for none.</param>
/// <param name="Log">Takes its log.</param>
internal sealed record LocalWorkerOptions(
    IReadOnlyList<Uri> Servers, string? Token, string? Name, IReadOnlyList<string> Queues, string WorkDirectory,
    int? Slots, string? SecretsDirectory, Gateway.ServerLog Log)
{
    /// <summary>Variables of the worker's own environment that tasks get, beside those that they always do.</summary>
    public IReadOnlyList<string> PassEnvironment { get; init; } = [];

    /// <summary>Most fork servers kept; null for the worker's default, 0 for none.</summary>
    public int? WarmServers { get; init; }

    /// <summary>Whether it looks out for EC2 taking its machine back.</summary>
    public SpotMode Spot { get; init; } = SpotMode.Off;

    /// <summary>Bytes of memory to offer; null for all of the machine's.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>GPUs to offer, the first that there are; null for all.</summary>
    public int? Gpus { get; init; }

    /// <summary>How long no server has to answer for the worker to end; null for ever.</summary>
    public TimeSpan? LeaveAfter { get; init; }

    /// <summary>Where other workers reach this machine; null for the address from which it speaks to its servers.</summary>
    public string? Address { get; init; }
}
