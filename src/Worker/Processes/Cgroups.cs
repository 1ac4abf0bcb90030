using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Logs;

namespace Fanfare.Worker.Processes;

/// <summary>Memory limits by cgroup v2, where a directory with the memory controller is delegated to this worker.</summary>
internal sealed class Cgroups
{
    private readonly string? _root;
    private readonly string _prefix;
    private int _told;

    private Cgroups(string? root, string prefix, string reason)
    {
        _root = root;
        _prefix = prefix;
        Reason = reason;
    }

    /// <summary>Why limits cannot be enforced; empty when they can.</summary>
    public string Reason { get; }

    public bool Available => _root is not null;

    /// <param name="directory">A delegated directory; null to look at the worker's own cgroup.</param>
    /// <param name="boot">Part of the names of the directories made.</param>
    public static Cgroups Open(string? directory, string boot)
    {
        var root = directory;
        if (root is null)
        {
            if (MountPoint("/proc/self/mountinfo") is not { } mount) return Without("no cgroup v2 hierarchy is mounted");
            var own = File.ReadLines("/proc/self/cgroup").FirstOrDefault(l => l.StartsWith("0::", StringComparison.Ordinal));
            if (own is null) return Without("the worker is in no cgroup v2");
            root = mount + own[3..].TrimEnd('/');
        }
        try
        {
            if (!Has(root, "cgroup.controllers", "memory")) return Without($"{root} has no memory controller");
            if (!Has(root, "cgroup.subtree_control", "memory"))
            {
                // A cgroup with processes of its own cannot hand controllers on, so the worker moves one level down, if it is alone.
                var members = File.ReadAllLines(Path.Combine(root, "cgroup.procs"));
                if (members.Length > 0 && directory is null)
                {
                    if (members.Length > 1 || members[0] != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
                        return Without($"{root} is shared with other processes");
                    var own = Directory.CreateDirectory(Path.Combine(root, "fanfare-worker")).FullName;
                    File.WriteAllText(Path.Combine(own, "cgroup.procs"), members[0]);
                }
                File.WriteAllText(Path.Combine(root, "cgroup.subtree_control"), "+memory");
            }
            return new Cgroups(root, $"fanfare-{boot[^8..]}", "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Without($"{root} is not delegated to the worker: {e.Message}");
        }

        static Cgroups Without(string reason) => new(null, "", reason);
    }

    /// <summary>A cgroup with the limit of an attempt; null when there is no limit to set or none can be set.</summary>
    public Cgroup? Create(string name, Lease lease, IWorkerLog log)
    {
        var memoryBytes = lease.Step.Resources.MemoryBytes;
        if (memoryBytes <= 0) return null;
        if (_root is null)
        {
            if (Interlocked.Exchange(ref _told, 1) == 0)
                log.Write(LogSeverity.Warning, $"Memory limits are not enforced on this machine: {Reason}. Start the worker in a delegated cgroup (systemd: Delegate=yes) to have them.");
            return null;
        }
        try
        {
            return Cgroup.Create(Path.Combine(_root, $"{_prefix}-{name}"), memoryBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Of(LogSeverity.Warning, lease, $"runs without its memory limit: {e.Message}");
            return null;
        }
    }

    /// <summary>Where cgroup v2 is mounted, by the text of mountinfo; null when it is not.</summary>
    internal static string? MountPoint(string mountInfo)
    {
        if (!File.Exists(mountInfo)) return null;
        foreach (var line in File.ReadLines(mountInfo))
        {
            var separator = line.IndexOf(" - cgroup2 ", StringComparison.Ordinal);
            if (separator > 0 && line[..separator].Split(' ') is { Length: > 4 } fields) return fields[4];
        }
        return null;
    }

    private static bool Has(string root, string file, string controller) =>
        File.ReadAllText(Path.Combine(root, file)).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Contains(controller);
}

/// <summary>One task's cgroup.</summary>
internal sealed class Cgroup : IDisposable
{
    private Cgroup(string directory) => Directory = directory;

    public string Directory { get; }

    /// <summary>Whether the kernel ended something in it for lack of memory.</summary>
    public bool OutOfMemory
    {
        get
        {
            try
            {
                return File.ReadLines(Path.Combine(Directory, "memory.events"))
                    .Any(l => l.StartsWith("oom_kill ", StringComparison.Ordinal) && l.AsSpan(9).Trim() is not "0");
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    public static Cgroup Create(string directory, long memoryBytes)
    {
        System.IO.Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "memory.max"), memoryBytes.ToString(CultureInfo.InvariantCulture));
        // All of the task or nothing: half a task that goes on after its worker process vanished helps nobody.
        Try(directory, "memory.oom.group", "1");
        Try(directory, "memory.swap.max", "0");
        return new Cgroup(directory);
    }

    /// <summary>Ends what is in it, whatever group or session it moved to.</summary>
    public void Kill() => Try(Directory, "cgroup.kill", "1");

    public void Dispose()
    {
        Kill();
        try
        {
            System.IO.Directory.Delete(Directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Its last process is not reaped yet; an empty cgroup costs nothing.
        }
    }

    private static void Try(string directory, string file, string value)
    {
        try
        {
            File.WriteAllText(Path.Combine(directory, file), value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not every kernel has the file, and the limit itself does not hang on it.
        }
    }
}
