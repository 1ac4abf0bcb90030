using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Fanfare.Postgres;

/// <summary>The network between two programs, which can go dead: connections stay, and nothing comes through. Or they end, as when a program is killed.</summary>
public class Link : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _ending = new();
    private volatile IPEndPoint _target;
    private readonly ConcurrentBag<Task> _carried = [];
    private readonly Task _accepting;
    private volatile TaskCompletionSource _requests = Open(), _answers = Open();
    private volatile CancellationTokenSource _up = new();
    private volatile bool _resets;

    /// <param name="target">Where it leads.</param>
    public Link(IPEndPoint target)
    {
        _target = target;
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>Where it begins.</summary>
    public int Port { get; }

    /// <summary>From now on new connections lead elsewhere, as when a host's name is given to another machine. Those that are there stay.</summary>
    public void LeadTo(IPEndPoint target) => _target = target;

    /// <summary>Nothing comes through any more; what is sent meanwhile comes when the wire is mended.</summary>
    public void Break() => (_requests, _answers) = (new TaskCompletionSource(), new TaskCompletionSource());

    /// <summary>What is asked comes through, and no answer does.</summary>
    public void BreakAnswers() => _answers = new TaskCompletionSource();

    /// <summary>All connections end, and new ones do at once.</summary>
    public void HangUp() => _up.Cancel();

    /// <summary>As <see cref="HangUp"/>, and the client's system knows when this is done: its next write fails, not the read after it.</summary>
    public async Task ResetAsync()
    {
        _resets = true;
        HangUp();
        await Task.WhenAll(_carried);
    }

    public void Mend()
    {
        if (_up.IsCancellationRequested) _up = new CancellationTokenSource();
        _resets = false;
        _requests.TrySetResult();
        _answers.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        Mend();
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ending.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A gate of the connection's own; null where the link's is all there is.</summary>
    protected virtual Gate? GateOf(Socket client) => null;

    protected static TaskCompletionSource Open()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _carried.Add(CarryAsync(await _listener.AcceptSocketAsync(_ending.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(_carried);
        }
    }

    private async Task CarryAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token, _up.Token);
        using (client)
        {
            try
            {
                (client.NoDelay, server.NoDelay) = (true, true);
                await server.ConnectAsync(_target, end.Token);
                // When one side hangs up, so does the other.
                var its = GateOf(client);
                await await Task.WhenAny(PumpAsync(client, server, () => its?.Requests ?? _requests, end.Token), PumpAsync(server, client, () => its?.Answers ?? _answers, end.Token));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // Closed on one side: closed on both.
            }
            if (_resets) client.LingerState = new LingerOption(true, 0);
        }
    }

    private static async Task PumpAsync(Socket from, Socket to, Func<TaskCompletionSource> gate, CancellationToken end)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var count = await from.ReceiveAsync(buffer, end);
            // That one side hung up does not come through either.
            await gate().Task.WaitAsync(end);
            if (count == 0) return;
            for (var sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), end);
        }
    }

    /// <summary>What comes through a connection while it is done.</summary>
    public sealed class Gate
    {
        public TaskCompletionSource Requests { get; set; } = Open();

        public TaskCompletionSource Answers { get; set; } = Open();
    }
}
