using System.Net;
using System.Net.Sockets;

namespace Fanfare.Chaos.Faults;

/// <summary>The way to a server as a TCP proxy that can be made to fail.</summary>
internal sealed class FaultyLink : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _over = new();
    private readonly HashSet<LinkedConnection> _connections = [];
    private readonly int _target;
    private readonly Task _accepting;
    private LinkState _state = LinkState.Whole;

    public FaultyLink(int target)
    {
        _target = target;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Resets what is open and what comes, until <see cref="Heal"/>.</summary>
    public void Cut()
    {
        Set(new LinkState(LinkMode.Cut, 0));
        foreach (var connection in Open()) connection.Reset();
    }

    public void Delay(int milliseconds) => Set(new LinkState(LinkMode.Delay, milliseconds));

    public void HalfOpen() => Set(new LinkState(LinkMode.HalfOpen, 0));

    /// <summary>From now on each connection is reset when that many bytes of replies came through it.</summary>
    public void ResetReplies(int bytes) => Set(new LinkState(LinkMode.ResetReplies, bytes));

    public void Heal()
    {
        Set(LinkState.Whole);
        // What was swallowed does not come again: such a connection is dead, and its ends learn it now.
        foreach (var connection in Open())
            if (connection.HasSwallowed) connection.Reset();
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _listener.Stop();
        await _accepting;
        foreach (var connection in Open()) connection.Reset();
        _over.Dispose();
    }

    private void Set(LinkState state) => Volatile.Write(ref _state, state);

    private LinkedConnection[] Open()
    {
        lock (_connections) return [.. _connections];
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var connection = new LinkedConnection(await _listener.AcceptSocketAsync(_over.Token), () => Volatile.Read(ref _state));
                lock (_connections) _connections.Add(connection);
                _ = ServeAsync(connection);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The link is over.
        }
    }

    private async Task ServeAsync(LinkedConnection connection)
    {
        await connection.RunAsync(_target);
        lock (_connections) _connections.Remove(connection);
    }
}

internal enum LinkMode
{
    Whole,
    Cut,
    Delay,
    HalfOpen,
    ResetReplies,
}

/// <param name="Amount">Milliseconds or bytes, as the mode has it.</param>
internal sealed record LinkState(LinkMode Mode, int Amount)
{
    public static readonly LinkState Whole = new(LinkMode.Whole, 0);
}
