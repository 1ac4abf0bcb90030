using System.Text;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Blobs;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>A database that went back in time is known for it, whichever way it went; and nothing else passes for that.</summary>
public sealed class PostgresRestoreTests(SharedPostgres shared) : IClassFixture<SharedPostgres>, IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly string _database = shared.NewSchema();
    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-marks-").FullName;
    private readonly List<string> _log = [];

    private string Schema => new NpgsqlConnectionStringBuilder(_database).SearchPath!;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [PostgresTheory]
    [InlineData("VACUUM FREEZE journal")]
    [InlineData("VACUUM FULL journal")]
    [InlineData("CLUSTER journal USING journal_pkey")]
    [InlineData("REINDEX TABLE journal")]
    [InlineData("ANALYZE journal")]
    [InlineData("BEGIN; UPDATE journal SET term = term + 1; ROLLBACK")]
    public async Task WhatTheDatabaseDoesToItsTables_IsNoRestore(string upkeep)
    {
        var before = await LeadAsync();
        // One that failed is no restore either.
        await shared.Server.ExecuteAsync(upkeep, _database);
        var after = await LeadAsync();

        Assert.Equal(before, after);
        Assert.Empty(_log);
    }

    [PostgresFact]
    public async Task ADumpThatIsReadBackIntoTheSameServer_BeginsANewLife()
    {
        var first = await LeadAsync();
        var dump = Path.Combine(shared.Server.Directory, $"{Schema}.sql");
        var name = new NpgsqlConnectionStringBuilder(_database).Database!;
        await shared.Server.RunAsync("pg_dump", "--schema", Schema, "--file", dump, name);
        Assert.Equal(first, await LeadAsync());
        await shared.Server.ExecuteAsync($"DROP SCHEMA {Schema} CASCADE", _database);
        await shared.Server.RunAsync("psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", dump, name);

        var (renewed, after) = (await LeadAsync(), await LeadAsync());

        Assert.NotEqual(first, renewed);
        Assert.Equal(renewed, after);
        Assert.Contains("was restored", Assert.Single(_log), StringComparison.Ordinal);
    }

    [PostgresFact]
    public async Task FilesThatWerePutBack_BeginANewLife_WhenTheBlobStoreKnowsOfMore()
    {
        await using var server = await PrivatePostgres.StartAsync();
        var database = await server.CreateDatabaseAsync();
        using var blobs = new DirectoryBlobStore(_home);
        var first = await LeadAsync(database, blobs);
        await server.StopAsync(StopMode.Fast);
        await server.RunAsync("cp", "-a", server.Data, Path.Combine(server.Directory, "copy"));
        await server.StartAgainAsync();
        Assert.Equal(first, await LeadAsync(database, blobs));
        await server.StopAsync(StopMode.Fast);
        await server.PutBackAsync("copy");
        await server.StartAgainAsync();

        var (renewed, after) = (await LeadAsync(database, blobs), await LeadAsync(database, blobs));

        Assert.NotEqual(first, renewed);
        Assert.Equal(renewed, after);
        Assert.Contains("was restored", Assert.Single(_log), StringComparison.Ordinal);
    }

    [PostgresTheory]
    [InlineData("""{"incarnation":"$","term":1,"progress":1}""", true)]
    [InlineData("""{"incarnation":"$","term":9,"progress":1}""", false)]
    [InlineData("""{"incarnation":"$","term":1,"progress":4611686018427387904}""", false)]
    [InlineData("""{"incarnation":"other","term":1,"progress":1}""", false)]
    [InlineData("""{"incarnation":"$","te""", false)]
    public async Task AMark_IsComparedWithTheDatabase(string mark, bool same)
    {
        using var blobs = new DirectoryBlobStore(_home);
        var first = await LeadAsync(_database, blobs);
        await blobs.PutAsync(BlobNames.JournalMark, new MemoryStream(Encoding.UTF8.GetBytes(mark.Replace("$", first, StringComparison.Ordinal))), default);

        Assert.Equal(same, await LeadAsync(_database, blobs) == first);
    }

    [PostgresFact]
    public async Task AMarkThatCannotBeWritten_HoldsNobodyUp_AndIsSaid()
    {
        using var blobs = new DirectoryBlobStore(_home);
        // Where it would be written first.
        Directory.Delete(Path.Combine(_home, ".incoming"), recursive: true);

        var (first, second) = (await LeadAsync(_database, blobs), await LeadAsync(_database, blobs));

        Assert.Equal(first, second);
        Assert.Contains(_log, line => line.Contains("mark cannot be written", StringComparison.Ordinal));
    }

    private Task<string> LeadAsync() => LeadAsync(_database, null);

    /// <summary>Takes the journal over, writes, waits for its mark, and gives it back.</summary>
    private async Task<string> LeadAsync(string database, DirectoryBlobStore? blobs)
    {
        var before = blobs is null ? "" : await MarkAsync(blobs);
        await using var election = await PostgresElection.JoinAsync(database, TimeProvider.System, line => { lock (_log) _log.Add(line); }, blobs);
        await using var store = await election.WinAsync("a", CancellationToken.None).WaitAsync(_patience);
        var stream = StreamId.Flow(A.Ns, "etl");
        Assert.Equal(AppendOutcome.Committed, await store.Journal.AppendAsync(A.Append(stream, await store.Journal.OpenAsync(stream, default))).WaitAsync(_patience));
        if (blobs is not null) await MarkedAsync(blobs, before);
        return store.Journal.Incarnation;
    }

    private async Task MarkedAsync(DirectoryBlobStore blobs, string before)
    {
        for (var until = DateTime.UtcNow + _patience; DateTime.UtcNow < until; await Task.Delay(10))
        {
            lock (_log)
                if (_log.Any(line => line.Contains("mark cannot be written", StringComparison.Ordinal))) return;
            if (await MarkAsync(blobs) != before) return;
        }
        Assert.Fail("The mark did not come.");
    }

    private static async Task<string> MarkAsync(DirectoryBlobStore blobs)
    {
        if (await blobs.OpenReadAsync(BlobNames.JournalMark, 0, default) is not { } content) return "";
        using var reader = new StreamReader(content);
        return await reader.ReadToEndAsync();
    }
}
