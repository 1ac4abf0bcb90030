using System.Net;
using System.Net.Sockets;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Read;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

public sealed class UnreachableDatabaseTests
{
    [Fact]
    public async Task AReadSaysWhereTheDatabaseShouldBe_AndNotThePassword()
    {
        // Bound and not listening: whoever connects is refused, and nobody else can take the port meanwhile.
        using var bound = new Socket(SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)bound.LocalEndPoint!).Port;
        await using var source = NpgsqlDataSource.Create($"Host=127.0.0.1;Port={port};Database=fanfare;Username=ann;Password=hush");

        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => new PostgresReadModel(source, (_, _) => new(0L)).GetRunAsync("default", "r1", default));

        Assert.Contains($"database fanfare at 127.0.0.1:{port}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReadThatIsCancelled_StopsTrying()
    {
        using var bound = new Socket(SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using var source = NpgsqlDataSource.Create($"Host=127.0.0.1;Port={((IPEndPoint)bound.LocalEndPoint!).Port};Database=fanfare;Username=ann");
        using var cancelled = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new PostgresReadModel(source, (_, _) => new(0L)).GetRunAsync("default", "r1", cancelled.Token));
    }
}
