using System.Net.Sockets;

namespace Fanfare.Worker.Gateways;

/// <summary>Makes one kind of error of all that befalls a connection: one that is reset in the moment it was made shows as the socket's own
/// exception, which no caller expects.</summary>
internal sealed class BrokenConnections(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (SocketException e)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, e.Message, e);
        }
    }
}
