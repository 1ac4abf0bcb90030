using System.Diagnostics;
using Fanfare.Postgres;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>The server that other tests stand on: what it survives, and that nothing of it is left.</summary>
public sealed class PrivatePostgresTests(SharedPostgres shared) : IClassFixture<SharedPostgres>
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [PostgresFact]
    public async Task AKillAndARestart_KeepWhatWasCommitted()
    {
        await using var server = await PrivatePostgres.StartAsync();
        var database = await server.CreateDatabaseAsync();
        await server.ExecuteAsync("CREATE TABLE t (n int); INSERT INTO t VALUES (1)", database);
        await using var open = await OpenAsync(database);
        await using var uncommitted = new NpgsqlCommand("BEGIN; INSERT INTO t VALUES (2)", open);
        await uncommitted.ExecuteNonQueryAsync();

        await server.KillAsync();

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => AskAsync(open));
        await Assert.ThrowsAsync<NpgsqlException>(() => server.ScalarAsync<int>("SELECT 1", database));
        await server.StartAgainAsync();
        Assert.Equal(1, await server.ScalarAsync<long>("SELECT sum(n) FROM t", database));
    }

    [PostgresTheory]
    [InlineData(StopMode.Fast)]
    [InlineData(StopMode.Immediate)]
    public async Task AStop_EndsSessions_AndAStartServesTheSameData(StopMode mode)
    {
        await using var server = await PrivatePostgres.StartAsync();
        var database = await server.CreateDatabaseAsync();
        await server.ExecuteAsync("CREATE TABLE t (n int); INSERT INTO t VALUES (1)", database);
        await using var open = await OpenAsync(database);

        await server.StopAsync(mode);

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => AskAsync(open));
        await server.StartAgainAsync();
        Assert.Equal(1, await server.ScalarAsync<int>("SELECT n FROM t", database));
    }

    [PostgresFact]
    public async Task AFrozenServer_KeepsItsConnections_AndAnswersWhenThawed()
    {
        await using var server = await PrivatePostgres.StartAsync();
        await using var open = await OpenAsync(server.Maintenance);

        await server.FreezeAsync();

        var answer = AskAsync(open);
        var impatient = new NpgsqlConnectionStringBuilder(server.Maintenance) { Timeout = 1 }.ConnectionString;
        await Assert.ThrowsAsync<NpgsqlException>(() => server.ScalarAsync<int>("SELECT 1", impatient));
        Assert.False(answer.IsCompleted);
        await server.ThawAsync();
        Assert.Equal(7, await answer.WaitAsync(_patience));
        Assert.Equal(1, await server.ScalarAsync<int>("SELECT 1"));
    }

    [PostgresFact]
    public async Task TerminatedConnections_AreOfOneDatabaseOnly()
    {
        var server = shared.Server;
        var database = await server.CreateDatabaseAsync();
        await using var ended = await OpenAsync(database);
        await using var other = await OpenAsync(shared.Database);

        Assert.Equal(1, await server.TerminateConnectionsAsync(database));

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => AskAsync(ended));
        Assert.Equal(7, await AskAsync(other));
        await server.DropDatabaseAsync(database);
        await Assert.ThrowsAsync<PostgresException>(() => OpenAsync(database));
    }

    [PostgresTheory]
    [InlineData("running")]
    [InlineData("frozen")]
    [InlineData("killed")]
    public async Task AfterDisposal_NothingIsLeft(string state)
    {
        var server = await PrivatePostgres.StartAsync();
        await using var open = await OpenAsync(server.Maintenance);
        var processes = new ServerProcesses(PrivatePostgres.ClusterIn(server.Directory));
        var memory = SharedMemoryOf(server.Directory);
        Assert.NotEmpty(processes.Live());
        Assert.Contains(memory, SharedMemory());
        await (state switch { "frozen" => server.FreezeAsync(), "killed" => server.KillAsync(), _ => Task.CompletedTask });

        await server.DisposeAsync();

        Assert.Empty(processes.Live());
        Assert.DoesNotContain(memory, SharedMemory());
        Assert.False(Directory.Exists(server.Directory));
    }

    [PostgresFact]
    public async Task AKilledTestProcess_LeavesNoServer()
    {
        using var holder = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Fanfare.Postgres.dll")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var directory = (await holder.StandardOutput.ReadLineAsync().WaitAsync(_patience))!;
        // A session that is busy does not notice by itself that the postmaster is gone.
        await using var busy = await OpenAsync((await holder.StandardOutput.ReadLineAsync().WaitAsync(_patience))!);
        await using var command = new NpgsqlCommand("SELECT count(*) FROM generate_series(1, 1000000000000)", busy) { CommandTimeout = 0 };
        var count = command.ExecuteScalarAsync();
        var processes = new ServerProcesses(PrivatePostgres.ClusterIn(directory));
        Assert.NotEmpty(processes.Live());

        holder.Kill();

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => count.WaitAsync(_patience));
        await processes.GoneAsync();
        await DirectoryIsGoneAsync(directory);
    }

    private static async Task<NpgsqlConnection> OpenAsync(string database)
    {
        var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        return connection;
    }

    private static async Task<int> AskAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("SELECT 7", connection);
        return (int)(await command.ExecuteScalarAsync())!;
    }

    // The seventh line of the postmaster's file: key and id.
    private static string SharedMemoryOf(string directory) =>
        File.ReadAllLines(Path.Combine(directory, PrivatePostgres.ClusterIn(directory), "postmaster.pid"))[6].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];

    private static string[] SharedMemory() => [.. File.ReadLines("/proc/sysvipc/shm").Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])];

    private static async Task DirectoryIsGoneAsync(string directory)
    {
        for (var until = DateTime.UtcNow + _patience; Directory.Exists(directory); await Task.Delay(10)) Assert.True(DateTime.UtcNow < until, $"{directory} is still there.");
    }
}
