using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Processes;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>A server that is killed, frozen, locked, full or gone, under a store that keeps writing to it.</summary>
public sealed class PostgresTroubleTests : IAsyncLifetime
{
    private const int Runs = 8;

    /// <summary>More than what was on its way when the trouble came.</summary>
    private const int Lively = Runs * 4 * 3;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60), _look = TimeSpan.FromMilliseconds(10);

    private readonly List<string> _log = [];
    private PrivatePostgres _server = null!;
    private string _database = "";
    private PostgresElection _election = null!;
    private PostgresStore _store = null!;

    public async Task InitializeAsync()
    {
        _server = await PrivatePostgres.StartAsync();
        await OpenAsync(await _server.CreateDatabaseAsync());
    }

    public async Task DisposeAsync()
    {
        await CloseAsync();
        await _server.DisposeAsync();
    }

    [PostgresFact]
    public async Task AServerThatIsKilledAndStartedAgain_LosesNothing_AndAllGoesOn()
    {
        var traffic = new Traffic(_store, "a", Runs);
        for (var kill = 0; kill < 3; kill++)
        {
            await traffic.AnsweredAsync(Lively);
            await _server.KillAsync();
            await UntilAsync(() => _store.Journal.Health is not null, "An unhealthy journal");
            await _server.StartAgainAsync();
        }
        await traffic.AnsweredAsync(Lively);
        await traffic.StopAsync();

        Assert.Equal(0, traffic.Fenced);
        Assert.Null(_store.Journal.Health);
        await Traffic.CheckAsync(_server, _database, _store, traffic);
    }

    [PostgresFact]
    public async Task SessionsThatAreEndedAgainAndAgain_LoseNothing_AndNothingComesTwice()
    {
        var traffic = new Traffic(_store, "a", Runs);
        await traffic.AnsweredAsync(Lively);
        for (var round = 0; round < 40; round++)
        {
            // Sometimes in the middle of a commit, sometimes while it is finding out what became of one.
            if (round % 3 == 0) await traffic.AnsweredAsync(1 + round);
            await _server.TerminateConnectionsAsync(_database);
        }
        await traffic.AnsweredAsync(Lively);
        await traffic.StopAsync();

        Assert.Equal(0, traffic.Fenced);
        await Traffic.CheckAsync(_server, _database, _store, traffic);
    }

    [PostgresFact]
    public async Task AServerThatIsFrozenForLongerThanTheLease_IsLedAgainWhenItThaws_AndWhatWaitedIsCommitted()
    {
        var traffic = new Traffic(_store, "a", Runs);
        await traffic.AnsweredAsync(Lively);
        Assert.True(_store.Leads);

        await _server.FreezeAsync();
        await UntilAsync(() => !_store.Leads, "The end of the lease");
        await _server.ThawAsync();

        await UntilAsync(() => _store.Leads, "The lease");
        await traffic.AnsweredAsync(Lively);
        await traffic.StopAsync();
        Assert.Equal(0, traffic.Fenced);
        Assert.False(_store.Deposed.IsCancellationRequested);
        await Traffic.CheckAsync(_server, _database, _store, traffic);
    }

    [PostgresFact]
    public async Task ATableThatSomebodyLocksForLong_IsNamed_AndThenAllGoesOn()
    {
        await CloseAsync();
        await OpenAsync(new NpgsqlConnectionStringBuilder(_database) { Options = "-c lock_timeout=200ms" }.ConnectionString);
        var traffic = new Traffic(_store, "a", Runs);
        await traffic.AnsweredAsync(Lively);
        await using (var other = await ConnectAsync())
        {
            await using var held = await other.BeginTransactionAsync();
            await RunAsync(other, "LOCK TABLE fanfare.events IN ACCESS EXCLUSIVE MODE");

            await UntilAsync(() => _store.Journal.Health?.Contains("Somebody holds a lock there for long", StringComparison.Ordinal) == true, "A word of the lock");
            Assert.True(_store.Leads);
            await held.CommitAsync();
        }

        await RecoveredAsync(traffic);
    }

    [PostgresFact]
    public async Task AServerWithoutAConnectionToSpare_IsNamed_AndThenAllGoesOn()
    {
        var traffic = new Traffic(_store, "a", Runs);
        await traffic.AnsweredAsync(Lively);
        var others = new List<NpgsqlConnection> { await ConnectAsync() };
        try
        {
            while (_store.Journal.Health?.Contains("max_connections", StringComparison.Ordinal) != true)
            {
                await RunAsync(others[0], "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE application_name = 'fanfare writer'");
                while (await TryConnectAsync() is { } other) others.Add(other);
            }
        }
        finally
        {
            foreach (var other in others) await other.DisposeAsync();
        }

        await RecoveredAsync(traffic);
    }

    [PostgresMountFact]
    public async Task AFullDisk_IsNamed_AndThenAllGoesOn()
    {
        await CloseAsync();
        var directory = Directory.CreateDirectory(Path.Combine(_server.Directory, "small")).FullName;
        using var disk = SmallDisk.Mount(directory, "size=32m");
        PrivatePostgres.Give(directory);
        await _server.ExecuteAsync($"CREATE TABLESPACE small LOCATION '{directory}'");
        await _server.ExecuteAsync($"ALTER DATABASE {new NpgsqlConnectionStringBuilder(_database).Database} SET TABLESPACE small");
        await OpenAsync(_database);
        var traffic = new Traffic(_store, "a", Runs);
        await traffic.AnsweredAsync(Lively);

        var filler = Path.Combine(directory, "filler");
        Fill(filler);
        await UntilAsync(() => _store.Journal.Health?.Contains("Free space on its disk", StringComparison.Ordinal) == true, "A word of the disk");
        File.Delete(filler);

        await RecoveredAsync(traffic);
        // The server must have let go of the disk before it goes.
        await CloseAsync();
        await _server.KillAsync();
    }

    [PostgresTheory]
    [InlineData("killed")]
    [InlineData("frozen")]
    public async Task AStoreThatIsClosedWhileTheDatabaseIsAway_FailsWhatWaits(string state)
    {
        var before = StreamId.Run(A.Ns, "before");
        Assert.Equal(AppendOutcome.Committed, await _store.Journal.AppendAsync(A.Append(before, await _store.Journal.OpenAsync(before, default))));
        var opened = await Task.WhenAll(Enumerable.Range(0, 3000).Select(i => _store.Journal.OpenAsync(StreamId.Run(A.Ns, $"r{i}"), default)));
        await (state == "killed" ? _server.KillAsync() : _server.FreezeAsync());
        var appends = opened.Select((o, i) => _store.Journal.AppendAsync(A.Append(StreamId.Run(A.Ns, $"r{i}"), o))).ToList();

        await _store.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

        foreach (var append in appends)
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => append.WaitAsync(_patience));
            Assert.Contains("was closed while it could not write", error.Message, StringComparison.Ordinal);
        }
        Assert.False(_store.Leads);
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var page = new byte[4096];
        Action write = () =>
        {
            while (true) file.Write(page);
        };
        Assert.Throws<IOException>(write);
    }

    private async Task RecoveredAsync(Traffic traffic)
    {
        await traffic.AnsweredAsync(Lively);
        await UntilAsync(() => _store.Journal.Health is null, "A healthy journal");
        await traffic.StopAsync();
        Assert.Equal(0, traffic.Fenced);
        Assert.Contains(_log, line => line.Contains("writes again; nothing was lost", StringComparison.Ordinal));
        await Traffic.CheckAsync(_server, _database, _store, traffic);
    }

    private async Task OpenAsync(string database)
    {
        // The schema that it makes by itself; the queries of these tests need its name.
        _database = new NpgsqlConnectionStringBuilder(database) { SearchPath = "fanfare" }.ConnectionString;
        _election = await PostgresElection.JoinAsync(database, TimeProvider.System, line => { lock (_log) _log.Add(line); });
        _store = await _election.WinAsync("http://127.0.0.1:1", CancellationToken.None);
    }

    private async Task CloseAsync()
    {
        await _store.DisposeAsync();
        await _election.DisposeAsync();
    }

    private async Task<NpgsqlConnection> ConnectAsync()
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    private async Task<NpgsqlConnection?> TryConnectAsync()
    {
        try
        {
            return await ConnectAsync();
        }
        catch (PostgresException full) when (full.SqlState == PostgresErrorCodes.TooManyConnections)
        {
            return null;
        }
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task UntilAsync(Func<bool> done, string what)
    {
        for (var until = DateTime.UtcNow + _patience; !done(); await Task.Delay(_look)) Assert.True(DateTime.UtcNow < until, $"{what} did not come within {_patience.TotalSeconds} s.");
    }
}
