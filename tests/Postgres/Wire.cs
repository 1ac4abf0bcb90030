using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Fanfare.Postgres;

/// <summary>The network between a server and its database, which can go dead: connections stay, and nothing comes through. Or they end, as when the server is killed.</summary>
public sealed class Wire : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private volatile IPEndPoint _database;
    private readonly Task _accepting;
    private volatile TaskCompletionSource _requests = Open(), _answers = Open();
    private volatile CancellationTokenSource _up = new();

    /// <param name="database">Connection string of the database that it leads to.</param>
    public Wire(string database)
    {
        var settings = new NpgsqlConnectionStringBuilder(database);
        _database = EndOf(settings);
        _listener.Start();
        (settings.Host, settings.Port) = ("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        Database = settings.ConnectionString;
        _accepting = AcceptAsync();
    }

    /// <summary>Connection string of the database through the wire.</summary>
    public string Database { get; }

    /// <summary>From now on new connections lead to another server, as when a host's name is given to another machine. Those that are there stay.</summary>
    public void LeadTo(string database) => _database = EndOf(new NpgsqlConnectionStringBuilder(database));

    /// <summary>Nothing comes through any more; what is sent meanwhile comes when the wire is mended.</summary>
    public void Break() => (_requests, _answers) = (new TaskCompletionSource(), new TaskCompletionSource());

    /// <summary>What is asked comes through, and no answer does.</summary>
    public void BreakAnswers() => _answers = new TaskCompletionSource();

    /// <summary>All connections end, and new ones do at once.</summary>
    public void HangUp() => _up.Cancel();

    public void Mend()
    {
        if (_up.IsCancellationRequested) _up = new CancellationTokenSource();
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
    }

    private static IPEndPoint EndOf(NpgsqlConnectionStringBuilder settings) => new(IPAddress.Parse(settings.Host!), settings.Port);

    private static TaskCompletionSource Open()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }

    private async Task AcceptAsync()
    {
        var all = new List<Task>();
        try
        {
            while (true) all.Add(CarryAsync(await _listener.AcceptSocketAsync(_ending.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(all);
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
                await server.ConnectAsync(_database, end.Token);
                // When one side hangs up, so does the other.
                await await Task.WhenAny(PumpAsync(client, server, () => _requests, end.Token), PumpAsync(server, client, () => _answers, end.Token));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // Closed on one side: closed on both.
            }
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
}
