using System.Net;
using System.Net.Sockets;
using Fanfare.Contracts.Http;

namespace Fanfare.Core.Tests.Http;

public sealed class BrokenConnectionsTests
{
    [Fact]
    public async Task TheSocketsOwnError_IsOneOfTheConnection()
    {
        using var http = new HttpMessageInvoker(new BrokenConnections(new Failing(new SocketException((int)SocketError.NotConnected))));

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => Get(http, new Uri("http://127.0.0.1:1")));

        Assert.Equal(HttpRequestError.ConnectionError, error.HttpRequestError);
        Assert.IsType<SocketException>(error.InnerException);
    }

    [Fact]
    public async Task OtherErrors_ComeAsTheyAre()
    {
        using var http = new HttpMessageInvoker(new BrokenConnections(new Failing(new TaskCanceledException("no answer"))));

        await Assert.ThrowsAsync<TaskCanceledException>(() => Get(http, new Uri("http://127.0.0.1:1")));
    }

    [Fact]
    public async Task AServerThatResetsWhatItAccepts_IsAlwaysTheSameKindOfError()
    {
        using var ending = new CancellationTokenSource();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var resetting = ResetAllAsync(listener, ending.Token);
        using var http = new HttpMessageInvoker(new BrokenConnections(new SocketsHttpHandler()));
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

        // It takes some until one is reset between two looks at its socket.
        for (var i = 0; i < 500; i++) await Assert.ThrowsAsync<HttpRequestException>(() => Get(http, address));

        await ending.CancelAsync();
        await resetting;
    }

    private static async Task Get(HttpMessageInvoker http, Uri address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        using var answer = await http.SendAsync(request, default);
    }

    private static async Task ResetAllAsync(TcpListener listener, CancellationToken ending)
    {
        try
        {
            while (true)
            {
                using var accepted = await listener.AcceptSocketAsync(ending);
                accepted.LingerState = new LingerOption(true, 0);
            }
        }
        catch (OperationCanceledException)
        {
            // The test has ended.
        }
    }

    private sealed class Failing(Exception error) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromException<HttpResponseMessage>(error);
    }
}
