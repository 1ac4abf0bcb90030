using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fanfare.Postgres;

/// <summary>Ports for servers of tests.</summary>
public static class Ports
{
    /// <summary>A port of this machine that nobody listens at now. It is below those that the system gives to clients: one of them could take it, or even connect to itself, while a server is down that is to come back there.</summary>
    public static int Free()
    {
        var firstOfClients = int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
        while (true)
        {
            var port = Random.Shared.Next(10_000, Math.Max(firstOfClients, 20_000));
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // The next one, then.
            }
        }
    }
}
