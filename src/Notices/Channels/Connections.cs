using System.Net.Sockets;
using System.Security.Authentication;

namespace Fanfare.Notices.Channels;

/// <summary>What befell a connection, in words that say where to look.</summary>
internal static class Connections
{
    public static string Why(Exception error) => error switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => $"The name of the machine is not known: {error.Message} Look at the address, and at the server's DNS.",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => $"TLS failed: {Innermost(error).Message} Look at the other end's certificate, and at what this machine trusts.",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } or SocketException => $"It could not be connected to: {Innermost(error).Message}. Look whether it is up, and whether a firewall is in between.",
        AuthenticationException => $"TLS failed: {Innermost(error).Message} Look at the other end's certificate, and at what this machine trusts.",
        _ => $"The connection broke: {Innermost(error).Message}",
    };

    private static Exception Innermost(Exception error) => error.InnerException is { } inner and (IOException or SocketException or AuthenticationException) ? Innermost(inner) : error;
}
