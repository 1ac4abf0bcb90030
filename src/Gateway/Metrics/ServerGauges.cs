using System.Diagnostics.Metrics;

namespace Fanfare.Gateway;

/// <summary>How a server is doing, and how much room its disk has.</summary>
internal sealed class ServerGauges : IDisposable
{
    private readonly Meter _meter = new(Telemetry.Meter);

    public ServerGauges(GatewayOptions options, IJournal journal, ITenure? tenure = null, ILeadership? leadership = null, ICluster? cluster = null)
    {
        _meter.CreateObservableGauge("fanfare.server.ready", () => journal.Health is null ? 1 : 0, "{server}", "1 while commands go through, as /readyz says; else 0.");
        _meter.CreateObservableGauge("fanfare.server.owning", () => leadership?.IsLeader ?? tenure?.Tenure.IsCancellationRequested is not true ? 1 : 0, "{server}",
            "1 while the server has a journal to write to: it has it to itself, leads, or is one of several nodes. 0 while it stands by, or joins.");
        _meter.CreateObservableGauge("fanfare.cluster.nodes", () => Nodes(cluster), "{node}", "Servers that share the work, as this one sees them; 1 where one has all of it, and none while this one joins.");
        _meter.CreateObservableGauge("fanfare.disk.free", () => Room(options.DataDirectory, drive => drive.AvailableFreeSpace), "By", "Room for this user on the disk of the data directory.");
        _meter.CreateObservableGauge("fanfare.disk.size", () => Room(options.DataDirectory, drive => drive.TotalSize), "By", "Size of the disk of the data directory.");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<int>> Nodes(ICluster? cluster) => cluster is null ? [new(1)] : cluster.Live is { } live ? [new(live)] : [];

    private static IEnumerable<Measurement<long>> Room(string directory, Func<DriveInfo, long> measure)
    {
        try
        {
            return [new Measurement<long>(measure(new DriveInfo(directory)))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A server whose disk does not answer tells everything else.
            return [];
        }
    }
}
