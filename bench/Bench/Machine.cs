using System.Runtime.InteropServices;
using Fanfare.Postgres;

namespace Fanfare.Bench;

/// <summary>Where it was measured.</summary>
internal sealed record Machine(int Cores, string Processor, double MemoryGib, string System, string Runtime, string Postgres, IReadOnlyDictionary<string, string> Settings)
{
    private static readonly string[] Shown = ["fsync", "synchronous_commit", "wal_sync_method", "full_page_writes", "shared_buffers", "max_wal_size", "checkpoint_timeout"];

    public static async Task<Machine> DescribeAsync(PrivatePostgres server)
    {
        var settings = new Dictionary<string, string>();
        foreach (var name in Shown) settings[name] = (await server.ScalarAsync<string>($"SHOW {name}"))!;
        var processor = (await File.ReadAllLinesAsync("/proc/cpuinfo")).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown";
        return new Machine(Environment.ProcessorCount, processor, Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30), 1),
            RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription, (await server.ScalarAsync<string>("SHOW server_version"))!, settings);
    }
}
