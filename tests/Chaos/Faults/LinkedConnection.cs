using System.Net;
using System.Net.Sockets;

namespace Fanfare.Chaos.Faults;

/// <summary>One connection through a <see cref="FaultyLink"/>.</summary>
internal sealed class LinkedConnection(Socket client, Func<LinkState> state) : IDisposable
{
    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private int _ended;

    /// <summary>Whether data was taken that never came out.</summary>
    public bool HasSwallowed { get; private set; }

    /// <summary>Carries data both ways until either end closes, or a fault ends it.</summary>
    public async Task RunAsync(int target)
    {
        client.NoDelay = true;
        try
        {
            if (state().Mode == LinkMode.Cut) return;
            await _server.ConnectAsync(IPAddress.Loopback, target);
            await Task.WhenAll(CarryAsync(client, _server, replies: false), CarryAsync(_server, client, replies: true));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // An end is gone; so is the other, now.
        }
        finally
        {
            Reset();
        }
    }

    /// <summary>Ends both halves with a reset instead of a proper close.</summary>
    public void Reset()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0) return;
        Reset(client);
        Reset(_server);
    }

    public void Dispose() => Reset();

    private static void Reset(Socket socket)
    {
        // Without lingering, closing sends a reset.
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    private async Task CarryAsync(Socket from, Socket to, bool replies)
    {
        var buffer = new byte[16 * 1024];
        int? left = null;
        while (true)
        {
            var count = await from.ReceiveAsync(buffer);
            var (mode, amount) = state();
            if (mode != LinkMode.ResetReplies) left = null;
            switch (mode)
            {
                case LinkMode.Cut:
                    Reset();
                    return;
                case LinkMode.HalfOpen:
                    HasSwallowed = true;
                    if (count == 0) return;
                    continue;
                case LinkMode.Delay:
                    await Task.Delay(amount);
                    break;
                case LinkMode.ResetReplies when replies:
                    left ??= amount;
                    if (count > left)
                    {
                        await to.SendAsync(buffer.AsMemory(0, left.Value));
                        Reset();
                        return;
                    }
                    left -= count;
                    break;
            }
            if (count == 0)
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }
            await to.SendAsync(buffer.AsMemory(0, count));
        }
    }
}
