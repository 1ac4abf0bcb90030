using System.Net;
using System.Net.Sockets;
using Fanfare.Contracts;
using Fanfare.Worker.Gateways;

namespace Fanfare.Worker.Tests;

public sealed class ResetTests
{
    private const int Polls = 2000;

    [Fact]
    public async Task AConnectionThatIsResetAsItIsMade_IsAFailureOfTheGateway()
    {
        using var stop = new CancellationTokenSource();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var resetting = ResetAllAsync(listener, stop.Token);
        var log = new List<string>();
        var servers = new ServerList([new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}")], TimeProvider.System, log.Add);
        using var client = new GatewayClient(servers, null, TimeProvider.System);
        var server = await servers.NextAsync(stop.Token);
        var request = new PollRequest { Worker = "w", Boot = "b", Sequence = 1, WaitMs = 0, Capacity = ResourceSpec.Default, Free = ResourceSpec.Default, MaxLeases = 1, Queues = [], Finished = [], Held = [] };

        // The moment is a narrow one: many connections at once, so that some are reset before anybody looks at them.
        var answers = await Task.WhenAll(Enumerable.Range(0, Polls).Select(_ => Task.Run(() => client.PollAsync(server, request, TimeSpan.FromSeconds(20), stop.Token))));

        await stop.CancelAsync();
        await resetting;
        Assert.All(answers, Assert.Null);
        Assert.NotEmpty(log);
    }

    private static async Task ResetAllAsync(TcpListener listener, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(stop);
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
