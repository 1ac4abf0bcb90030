using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Processes;

namespace Fanfare.Worker.Machine;

/// <summary>What this machine has to give.</summary>
internal static class MachineCapacity
{
    private static readonly TimeSpan GpuPatience = TimeSpan.FromSeconds(20);

    /// <summary>The capacity to offer, and the indexes of its GPUs.</summary>
    /// <exception cref="InvalidOperationException">More GPUs are to be offered than there are.</exception>
    public static async Task<(ResourceSpec Capacity, IReadOnlyList<int> Gpus)> DetectAsync(WorkerOptions options, IWorkerLog log, TimeProvider time)
    {
        var gpus = options.Capacity is { Gpu: 0 } || options.Gpus == 0 ? [] : await GpusAsync(log, time);
        if (options.Capacity is { } given)
        {
            // GPUs that are given but not seen are counted from zero, as the driver does.
            if (given.Gpu > gpus.Count) gpus = [.. Enumerable.Range(0, given.Gpu)];
            return (given, [.. gpus.Take(given.Gpu)]);
        }
        if (options.Gpus is { } some)
        {
            if (some > gpus.Count) throw new InvalidOperationException($"Gpus: {some} are to be offered, and this machine shows {gpus.Count} (nvidia-smi lists them). Offer at most {gpus.Count}.");
            gpus = [.. gpus.Take(some)];
        }
        // ProcessorCount knows of affinity and of the cgroup's quota.
        return (new ResourceSpec(options.Slots ?? Environment.ProcessorCount, options.MemoryBytes ?? MemoryBytes(), gpus.Count, DiskBytes(options.WorkDirectory)), gpus);
    }

    /// <summary>The smaller of the machine's memory and the cgroup's limit.</summary>
    public static long MemoryBytes()
    {
        var bytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (!File.Exists("/proc/meminfo")) return bytes;
        var total = File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemTotal:", StringComparison.Ordinal));
        if (total is not null && long.TryParse(total.AsSpan(9).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture, out var kib)) bytes = kib * 1024;
        foreach (var limit in CgroupLimits())
            if (limit > 0 && limit < bytes) bytes = limit;
        return bytes;
    }

    /// <summary>Indexes that the tool put out, one a line.</summary>
    public static IReadOnlyList<int> ParseGpus(string text)
    {
        var gpus = new List<int>();
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var index)) return [];
            gpus.Add(index);
        }
        return gpus;
    }

    private static IEnumerable<long> CgroupLimits()
    {
        if (!File.Exists("/proc/self/cgroup")) yield break;
        foreach (var line in File.ReadLines("/proc/self/cgroup"))
        {
            var parts = line.Split(':', 3);
            if (parts.Length != 3) continue;
            var (mount, file) = parts[0] == "0" ? (Cgroups.MountPoint("/proc/self/mountinfo"), "memory.max")
                : parts[1].Split(',').Contains("memory") ? ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
                : (null, "");
            if (mount is null) continue;
            // A limit on any level above counts too. Inside a container the path may be the host's, and only the mount's root is there.
            for (var path = parts[2].TrimEnd('/'); ; path = path[..Math.Max(0, path.LastIndexOf('/'))])
            {
                var limit = $"{mount}{path}/{file}";
                if (File.Exists(limit) && long.TryParse(File.ReadAllText(limit).Trim(), CultureInfo.InvariantCulture, out var bytes)) yield return bytes;
                if (path.Length == 0) break;
            }
        }
    }

    private static long DiskBytes(string directory)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static async Task<IReadOnlyList<int>> GpusAsync(IWorkerLog log, TimeProvider time)
    {
        var start = new ProcessStartInfo("nvidia-smi") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add("--query-gpu=index");
        start.ArgumentList.Add("--format=csv,noheader");
        try
        {
            using var process = Process.Start(start)!;
            using var timeout = new CancellationTokenSource(GpuPatience, time);
            try
            {
                var errors = process.StandardError.ReadToEndAsync(timeout.Token);
                var text = await process.StandardOutput.ReadToEndAsync(timeout.Token);
                await process.WaitForExitAsync(timeout.Token);
                if (process.ExitCode == 0) return ParseGpus(text);
                log.Write(LogSeverity.Warning, $"nvidia-smi failed with exit code {process.ExitCode}, so no GPUs are offered: {(text + await errors).Trim()}");
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                log.Write(LogSeverity.Warning, $"nvidia-smi did not answer within {GpuPatience.TotalSeconds:0} s, so no GPUs are offered.");
            }
        }
        catch (Win32Exception)
        {
            // No such tool: no such GPUs.
        }
        return [];
    }
}
