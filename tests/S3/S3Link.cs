using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fanfare.S3;

/// <summary>The way to an S3 server, which can fail: one request a connection, so that each fault meets one request.</summary>
public sealed class S3Link : IAsyncDisposable
{
    private const int MostHeaderBytes = 64 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentQueue<Fault> _faults = new();
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly Task _accepting;
    private readonly int _server;
    private volatile bool _away;

    /// <param name="server">Port of the server that it leads to.</param>
    public S3Link(int server)
    {
        _server = server;
        _listener.Start();
        Endpoint = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Endpoint { get; }

    /// <summary>Every connection is reset while this is set.</summary>
    public bool Away { get => _away; set => _away = value; }

    /// <summary>"METHOD key?query" of what came so far.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    public void Forget() => _requests.Clear();

    /// <summary>The next requests are answered 503, as S3 does that wants less of them.</summary>
    public void SlowDown(int requests) => Add(requests, new Fault(FaultKind.SlowDown, 0));

    /// <summary>The next requests meet no fault; what is set after this meets those behind them.</summary>
    public void PassOn(int requests) => Add(requests, new Fault(FaultKind.None, 0));

    /// <summary>The next answers break off after so many bytes of their body.</summary>
    public void CutAnswers(int answers, int bytes) => Add(answers, new Fault(FaultKind.CutAnswer, bytes));

    /// <summary>The next requests break off after so many bytes of their body; what came of them reaches the server.</summary>
    public void CutRequests(int requests, int bytes) => Add(requests, new Fault(FaultKind.CutRequest, bytes));

    /// <summary>The next requests are carried out, and not answered.</summary>
    public void LoseAnswers(int answers) => Add(answers, new Fault(FaultKind.LoseAnswer, 0));

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ending.Dispose();
    }

    private void Add(int count, Fault fault)
    {
        for (var i = 0; i < count; i++) _faults.Enqueue(fault);
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
        using (client)
        {
            try
            {
                client.NoDelay = true;
                if (Away) client.LingerState = new LingerOption(true, 0);
                else await ExchangeAsync(client);
            }
            catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
            {
                // Closed on one side: closed on both.
            }
        }
    }

    private async Task ExchangeAsync(Socket client)
    {
        await using var asked = new NetworkStream(client);
        var (header, body) = await ReadHeaderAsync(asked);
        if (header.Length == 0) return;
        var lines = header.Split("\r\n");
        var length = lines.Select(l => l.Split(':', 2)).Where(f => f[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase)).Select(f => long.Parse(f[1], CultureInfo.InvariantCulture)).FirstOrDefault();
        var words = lines[0].Split(' ');
        // The client holds the body back until it hears this.
        if (lines.Any(l => l.StartsWith("Expect:", StringComparison.OrdinalIgnoreCase))) await asked.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), _ending.Token);
        _requests.Enqueue($"{words[0]} {Uri.UnescapeDataString(words[1])}");
        _faults.TryDequeue(out var fault);
        if (fault?.Kind == FaultKind.SlowDown)
        {
            await CopyAsync(asked, Stream.Null, length - body.Length);
            const string error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
            await asked.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: {error.Length}\r\nConnection: close\r\n\r\n{error}"), _ending.Token);
            return;
        }
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, _server, _ending.Token);
        await using var server = new NetworkStream(socket);
        // One exchange a connection.
        var passed = lines.Where(l => !l.StartsWith("Connection:", StringComparison.OrdinalIgnoreCase) && !l.StartsWith("Expect:", StringComparison.OrdinalIgnoreCase));
        await server.WriteAsync(Encoding.ASCII.GetBytes(string.Join("\r\n", passed) + "\r\nConnection: close\r\n\r\n"), _ending.Token);
        var most = fault?.Kind == FaultKind.CutRequest ? Math.Min(length, fault.Bytes) : length;
        await server.WriteAsync(body.AsMemory(0, (int)Math.Min(body.Length, most)), _ending.Token);
        await CopyAsync(asked, server, most - body.Length);
        if (fault?.Kind == FaultKind.CutRequest)
        {
            socket.LingerState = client.LingerState = new LingerOption(true, 0);
            return;
        }
        // To its end in any case, so that the server has done what was asked of it.
        if (fault?.Kind != FaultKind.LoseAnswer) await AnswerAsync(server, asked, fault?.Kind == FaultKind.CutAnswer ? fault.Bytes : long.MaxValue);
        if (fault is null or { Kind: FaultKind.None }) return;
        await server.CopyToAsync(Stream.Null, _ending.Token);
        client.LingerState = new LingerOption(true, 0);
    }

    /// <summary>The header without its empty line, and what came of the body with it.</summary>
    private async Task<(string Header, byte[] Body)> ReadHeaderAsync(NetworkStream from)
    {
        var buffer = new byte[MostHeaderBytes];
        for (var count = 0; ;)
        {
            var read = await from.ReadAsync(buffer.AsMemory(count), _ending.Token);
            count += read;
            var end = buffer.AsSpan(0, count).IndexOf("\r\n\r\n"u8);
            if (end >= 0) return (Encoding.ASCII.GetString(buffer, 0, end), buffer[(end + 4)..count]);
            if (read == 0 || count == buffer.Length) return ("", []);
        }
    }

    private async Task AnswerAsync(NetworkStream from, NetworkStream to, long mostBody)
    {
        var (header, body) = await ReadHeaderAsync(from);
        await to.WriteAsync(Encoding.ASCII.GetBytes(header + "\r\n\r\n"), _ending.Token);
        await to.WriteAsync(body.AsMemory(0, (int)Math.Min(body.Length, mostBody)), _ending.Token);
        await CopyAsync(from, to, mostBody - body.Length);
    }

    private async Task CopyAsync(Stream from, Stream to, long most)
    {
        var buffer = new byte[64 * 1024];
        while (most > 0 && await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, most)), _ending.Token) is var read and > 0)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), _ending.Token);
            most -= read;
        }
    }

    private enum FaultKind
    {
        None,
        SlowDown,
        LoseAnswer,
        CutAnswer,
        CutRequest,
    }

    private sealed record Fault(FaultKind Kind, int Bytes);
}
