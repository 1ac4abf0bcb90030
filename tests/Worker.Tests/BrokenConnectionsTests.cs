using System.Net.Sockets;
using Fanfare.Contracts.Http;

namespace Fanfare.Worker.Tests;

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
        await using var resetting = new ResettingServer();
        using var http = new HttpMessageInvoker(new BrokenConnections(new SocketsHttpHandler()));

        // It takes some until one is reset between two looks at its socket.
        for (var i = 0; i < 500; i++) await Assert.ThrowsAsync<HttpRequestException>(() => Get(http, resetting.Address));
    }

    private static async Task Get(HttpMessageInvoker http, Uri address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        using var answer = await http.SendAsync(request, default);
    }

    private sealed class Failing(Exception error) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromException<HttpResponseMessage>(error);
    }
}
