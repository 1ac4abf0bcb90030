using System.Net.Sockets;

namespace Fanfare.Contracts.Http;

/// <summary>Makes one kind of error of all that befalls a connection: one that is reset in the moment it was made shows as the socket's own
/// exception (<c>HttpConnectionPool</c> of .NET 10 asks the socket for its other end, which it no longer has), which neither a caller nor a library that sends again expects. Every client of HTTP stands behind it.</summary>
public sealed class BrokenConnections(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, e.Message, e);
        }
    }
}
