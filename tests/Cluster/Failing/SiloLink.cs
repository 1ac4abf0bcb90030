using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fanfare.Postgres;

namespace Fanfare.Cluster.Failing;

/// <summary>The way to one silo, which can be cut for one of the others alone: whose a connection is, is known by the process that holds its other end.</summary>
internal sealed class SiloLink(int target) : Link(new IPEndPoint(IPAddress.Loopback, target))
{
    private readonly ConcurrentDictionary<int, Gate> _gates = [];

    /// <summary>From now on nothing comes through from a process, be the connection old or new, and nothing to it.</summary>
    public void Cut(int process)
    {
        var gate = _gates.GetOrAdd(process, _ => new Gate());
        (gate.Requests, gate.Answers) = (new TaskCompletionSource(), new TaskCompletionSource());
    }

    public void Mend(int process)
    {
        if (!_gates.TryGetValue(process, out var gate)) return;
        gate.Requests.TrySetResult();
        gate.Answers.TrySetResult();
    }

    protected override Gate? GateOf(Socket client) => _gates.GetOrAdd(ProcessOf(client), _ => new Gate());

    // 0 when it is gone already.
    private static int ProcessOf(Socket client)
    {
        var socket = InodeOf(((IPEndPoint)client.RemoteEndPoint!).Port, ((IPEndPoint)client.LocalEndPoint!).Port);
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id == Environment.ProcessId) continue;
            try
            {
                if (Directory.EnumerateFiles(Path.Combine(process, "fd")).Any(handle => new FileInfo(handle).LinkTarget == socket)) return id;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended, or is another user's.
            }
        }
        return 0;
    }

    private static string InodeOf(int from, int to)
    {
        foreach (var line in File.ReadLines("/proc/net/tcp").Concat(File.Exists("/proc/net/tcp6") ? File.ReadLines("/proc/net/tcp6") : []).Where(line => !line.Contains("local_address", StringComparison.Ordinal)))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (PortOf(fields[1]) == from && PortOf(fields[2]) == to) return $"socket:[{fields[9]}]";
        }
        return "";
    }

    private static int PortOf(string address) => int.Parse(address[(address.LastIndexOf(':') + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
