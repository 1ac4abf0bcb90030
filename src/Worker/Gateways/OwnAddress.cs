using System.Net;
using System.Net.Sockets;

namespace Fanfare.Worker.Gateways;

/// <summary>The address of this machine on the network that it shares with its servers.</summary>
internal static class OwnAddress
{
    /// <summary>The address from which this machine speaks to a server; null when it knows no way there now. Nothing is sent: connecting a datagram socket only chooses the way.</summary>
    public static string? Towards(Uri server)
    {
        try
        {
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(server.DnsSafeHost, server.Port);
            return socket.LocalEndPoint is IPEndPoint own ? (own.Address.IsIPv4MappedToIPv6 ? own.Address.MapToIPv4() : own.Address).ToString() : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
