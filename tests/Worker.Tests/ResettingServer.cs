using System.Net;
using System.Net.Sockets;

namespace Fanfare.Worker.Tests;

/// <summary>Accepts every connection, and resets it at once.</summary>
internal sealed class ResettingServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _resetting;

    public ResettingServer()
    {
        _listener.Start();
        _resetting = ResetAllAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _resetting;
        _listener.Dispose();
        _ending.Dispose();
    }

    private async Task ResetAllAsync()
    {
        try
        {
            while (true)
            {
                using var socket = await _listener.AcceptSocketAsync(_ending.Token);
                // Closed without lingering, a connection is reset.
                socket.LingerState = new LingerOption(true, 0);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
