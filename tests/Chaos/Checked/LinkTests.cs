using System.Net;
using System.Net.Sockets;
using System.Text;
using Fanfare.Chaos.Faults;

namespace Fanfare.Chaos.Checked;

/// <summary>A link fails as it is told to, and is whole again afterwards.</summary>
public sealed class LinkTests : IAsyncLifetime, IDisposable
{
    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private FaultyLink _link = null!;
    private Task _echoing = Task.CompletedTask;

    public Task InitializeAsync()
    {
        _echo.Start();
        _echoing = EchoAsync();
        _link = new FaultyLink(((IPEndPoint)_echo.LocalEndpoint).Port);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _link.DisposeAsync();
        _echo.Stop();
        await _echoing;
    }

    public void Dispose() => _echo.Dispose();

    [Fact]
    public async Task AWholeLink_CarriesBothWays()
    {
        using var client = await ConnectAsync();

        Assert.Equal("hello", await SayAsync(client, "hello"));
    }

    [Fact]
    public async Task ACut_ResetsWhatIsOpen_AndWhatComes_UntilItIsHealed()
    {
        using var open = await ConnectAsync();
        await SayAsync(open, "hello");
        _link.Cut();

        Assert.Null(await SayAsync(open, "hello"));
        Assert.Null(await SayAnewAsync("hello"));
        _link.Heal();
        Assert.Equal("again", await SayAnewAsync("again"));
    }

    [Fact]
    public async Task AHalfOpenLink_SwallowsAll_AndItsConnectionsEndWhenItIsHealed()
    {
        using var open = await ConnectAsync();
        await SayAsync(open, "hello");
        _link.HalfOpen();
        var answer = SayAsync(open, "anybody?");

        Assert.NotSame(answer, await Task.WhenAny(answer, Task.Delay(300)));
        _link.Heal();
        Assert.Null(await answer);
    }

    [Fact]
    public async Task AReply_IsCutWhereItIsToldTo()
    {
        using var client = await ConnectAsync();
        _link.ResetReplies(3);

        Assert.NotEqual("a longer answer", await SayAsync(client, "a longer answer"));
        Assert.Null(await SayAsync(client, "hello"));
    }

    [Fact]
    public async Task ADelay_HoldsEachPieceBack()
    {
        using var client = await ConnectAsync();
        _link.Delay(300);
        var clock = System.Diagnostics.Stopwatch.StartNew();

        Assert.Equal("hello", await SayAsync(client, "hello"));
        Assert.True(clock.Elapsed.TotalMilliseconds >= 590, $"The answer took {clock.Elapsed.TotalMilliseconds} ms, there and back.");
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _link.Port);
        return socket;
    }

    // Already the connecting may meet the reset.
    private async Task<string?> SayAnewAsync(string text)
    {
        try
        {
            using var socket = await ConnectAsync();
            return await SayAsync(socket, text);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    // Null when the connection ended first.
    private static async Task<string?> SayAsync(Socket socket, string text)
    {
        var buffer = new byte[64];
        try
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(text));
            var count = await socket.ReceiveAsync(buffer);
            return count == 0 ? null : Encoding.ASCII.GetString(buffer, 0, count);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private async Task EchoAsync()
    {
        try
        {
            while (true) _ = EchoAsync(await _echo.AcceptSocketAsync());
        }
        catch (SocketException)
        {
            // The test is over.
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        using (socket)
        {
            var buffer = new byte[64];
            try
            {
                while (await socket.ReceiveAsync(buffer) is var count and > 0) await socket.SendAsync(buffer.AsMemory(0, count));
            }
            catch (SocketException)
            {
                // Reset, as the test has it.
            }
        }
    }
}
