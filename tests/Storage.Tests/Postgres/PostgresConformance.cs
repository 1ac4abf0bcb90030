using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

[NeedsPostgres]
public sealed class PostgresConformance(SharedPostgres shared) : JournalConformance, IClassFixture<SharedPostgres>
{
    private readonly string _database = shared.NewSchema();
    private PostgresElection? _election;
    private PostgresStore? _store;

    protected override string Kept(string text) => base.Kept(text).Replace('\0', '\uFFFD');

    protected override async Task<IStore> OpenStoreAsync()
    {
        _election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        return _store = await _election.WinAsync("http://127.0.0.1:1", CancellationToken.None);
    }

    protected override async Task CloseStoreAsync()
    {
        await _store!.DisposeAsync();
        await _election!.DisposeAsync();
    }

    protected override async Task DeposeAsync()
    {
        await using var source = NpgsqlDataSource.Create(_database);
        await using var command = source.CreateCommand("UPDATE journal SET term = term + 1; DELETE FROM writers");
        await command.ExecuteNonQueryAsync();
    }

    [PostgresFact]
    public async Task LargeEvents_AreCompressedWithLz4_WhereTheServerHasIt()
    {
        var opened = await Open(StreamId.Run(A.Ns, "r1"));
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(StreamId.Run(A.Ns, "r1"), opened, count: 300)));

        await using var source = NpgsqlDataSource.Create(_database);
        await using var used = source.CreateCommand("SELECT DISTINCT pg_column_compression(payload) FROM events");
        await using var had = source.CreateCommand("SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE 'pglz' END FROM pg_settings WHERE name = 'default_toast_compression'");

        Assert.Equal(await had.ExecuteScalarAsync(), await used.ExecuteScalarAsync());
    }

    [PostgresFact]
    public async Task ARowThatNoIndexCanHold_IsRefusedAlone_AndTheJournalGoesOn()
    {
        var streams = Enumerable.Range(0, 20).Select(i => StreamId.Run(A.Ns, $"r{i}")).ToArray();
        var opened = await Task.WhenAll(streams.Select(Open));
        var tooLong = Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8000));

        var appends = streams.Select((stream, i) => Journal.AppendAsync(A.Append(stream, opened[i], rows: [A.Run($"r{i}", tags: [i == 7 ? tooLong : "t"])]))).ToArray();

        for (var i = 0; i < appends.Length; i++)
        {
            if (i != 7) Assert.Equal(AppendOutcome.Committed, await appends[i].WaitAsync(Patience));
            else Assert.Contains("default/run/r7", (await Assert.ThrowsAsync<InvalidOperationException>(() => appends[i].WaitAsync(Patience))).Message, StringComparison.Ordinal);
            Assert.Equal(i == 7 ? 0 : 1, (await Open(streams[i])).Sequence);
        }
        Assert.Null(Journal.Health);
    }
}
