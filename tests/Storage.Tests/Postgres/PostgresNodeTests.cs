using System.Collections.Concurrent;
using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Postgres.Nodes;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>Several nodes that own a journal together: each shard is one node's, whoever comes, goes, dies or hangs, and what was answered is so.</summary>
public sealed class PostgresNodeTests(SharedPostgres shared) : IClassFixture<SharedPostgres>, IAsyncLifetime
{
    /// <summary>What a release reads that comes after this one.</summary>
    private const int Newer = JournalFormat.Version + 1;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60), _look = TimeSpan.FromMilliseconds(10);

    private readonly string _database = shared.NewSchema();
    private readonly Ledger _ledger = new(runs: 24);
    private readonly List<Member> _members = [];
    private readonly List<Wire> _wires = [];
    private readonly ConcurrentQueue<string> _log = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var wire in _wires) wire.Mend();
        foreach (var member in _members) await member.Node.DisposeAsync();
        foreach (var wire in _wires) await wire.DisposeAsync();
    }

    [PostgresFact]
    public async Task NodesShareTheShards_AndHandThemOver_WhileTheyWrite()
    {
        var first = await JoinAsync("a");
        await OwnedAsync(first);
        Assert.Equal(Shards.Count, first.Node.Owned.Count);
        await _ledger.AllGoOnAsync().WaitAsync(_patience);

        var (second, third) = (await JoinAsync("b"), await JoinAsync("c"));
        await OwnedAsync(first, second, third);
        Assert.All(_members, member => Assert.InRange(member.Node.Owned.Count, Shards.Count / 4, Shards.Count / 2));
        await _ledger.AllGoOnAsync().WaitAsync(_patience);
        Assert.Equal(0, _ledger.Fenced);

        // Each wakes what is its own, and nothing else.
        foreach (var member in _members)
        {
            var due = await member.Node.Store.Journal.ScanWakesAsync(A.T0.AddHours(1), 1000, null, default);
            Assert.Equal(_ledger.Streams.Where(stream => member.Node.Owned.Contains(Shards.Of(stream))).ToHashSet(), due.Select(wake => wake.Stream).ToHashSet());
            var some = member.Node.Owned.Take(100).ToList();
            var inSome = await member.Node.Store.Journal.ScanWakesAsync(new WakeQuery(A.T0.AddHours(1), Shards: some), 1000, null, default);
            Assert.Equal(_ledger.Streams.Where(stream => some.Contains(Shards.Of(stream))).ToHashSet(), inSome.Select(wake => wake.Stream).ToHashSet());
        }

        await LeaveAsync(first);
        await OwnedAsync(second, third);
        await _ledger.AllGoOnAsync().WaitAsync(_patience);
        Assert.Equal(0, _ledger.Fenced);
        await CheckAsync();
    }

    [PostgresTheory]
    [InlineData("killed")]
    [InlineData("cut off")]
    public async Task ANodeThatIsGone_IsPutOut_AndItsShardsAreTheOthers(string how)
    {
        var (first, second) = (await JoinAsync("a"), await JoinAsync("b"));
        var wire = new Wire(_database);
        _wires.Add(wire);
        var gone = await JoinAsync("c", wire.Database);
        await OwnedAsync(first, second, gone);
        await _ledger.AllGoOnAsync().WaitAsync(_patience);

        var clock = Stopwatch.StartNew();
        if (how == "killed") wire.HangUp();
        else wire.Break();
        await UntilAsync(() => first.Node.Owned.Count + second.Node.Owned.Count == Shards.Count, "The others' taking over");

        // A lease lasts two seconds, and is renewed when a third of it has passed; a session's end is believed after 0.3 s.
        Assert.InRange(clock.Elapsed.TotalSeconds, how == "killed" ? 0.2 : 1, 10);
        Assert.Contains(_log, line => line.StartsWith("The server c was put out", StringComparison.Ordinal) && line.Contains(how == "killed" ? "its session ended" : "did not renew", StringComparison.Ordinal));
        Assert.False(gone.Node.Store.Leads);
        await _ledger.AllGoOnAsync().WaitAsync(_patience);

        wire.Mend();
        await gone.Traffic.EndedAsync().WaitAsync(_patience);
        await UntilAsync(() => gone.Node.Store.Deposed.IsCancellationRequested, "Word of having been put out");
        Assert.NotEqual(0, _ledger.Fenced);
        var fenced = _ledger.Fenced;
        await _ledger.AllGoOnAsync().WaitAsync(_patience);
        await LeaveAsync(gone);
        // It may come back.
        var again = await JoinAsync("c");
        await OwnedAsync(first, second, again);
        await _ledger.AllGoOnAsync().WaitAsync(_patience);
        Assert.Equal(fenced, _ledger.Fenced);
        await CheckAsync();
    }

    [PostgresFact]
    public async Task NodesWhoseSessionsEnd_GoOn()
    {
        var (first, second) = (await JoinAsync("a"), await JoinAsync("b"));
        await OwnedAsync(first, second);
        for (var round = 0; round < 5; round++)
        {
            await shared.Server.ExecuteAsync($"""
                SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND classid = current_schema()::regnamespace::oid
                """, _database);
            await UntilAsync(() => first.Node.Store.Leads && second.Node.Store.Leads, "New sessions");
            await _ledger.AllGoOnAsync().WaitAsync(_patience);
        }

        Assert.Equal(0, _ledger.Fenced);
        Assert.Equal(2, await ScalarAsync<long>("SELECT count(*) FROM nodes"));
        Assert.All(_members, member => Assert.False(member.Node.Store.Deposed.IsCancellationRequested));
        await CheckAsync();
    }

    [PostgresFact]
    public async Task WhoLeadsAlone_AndNodes_WaitForEachOther()
    {
        var election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        await using var left = election;
        var leader = await election.WinAsync("alone", default);
        var joining = JoinAsync("a");
        var written = new Traffic(leader, "alone", 2);
        await written.AnsweredAsync(20);
        Assert.False(joining.IsCompleted);
        await written.StopAsync();
        await leader.DisposeAsync();

        var node = await joining.WaitAsync(_patience);
        await OwnedAsync(node);
        var winning = election.WinAsync("alone", default);
        await _ledger.AllGoOnAsync().WaitAsync(_patience);
        await UntilAsync(() => election.Leader == "a", "Word of the node");
        Assert.False(winning.IsCompleted);
        await LeaveAsync(node);
        var again = await winning.WaitAsync(_patience);
        Assert.True(again.Leads);
        await again.DisposeAsync();

        Assert.Equal(0, written.Fenced + _ledger.Fenced);
    }

    [PostgresFact]
    public async Task NodesOfTwoReleases_WriteWhatBothRead_AndTheOlderCanComeBackUntilNoneIsLeft()
    {
        var (old, other) = (await JoinAsync("old"), await JoinAsync("a"));
        await OwnedAsync(old, other);
        // One after another is replaced.
        await LeaveAsync(other);
        var next = await JoinAsync("a", reads: Newer);
        await OwnedAsync(old, next);
        await _ledger.AllGoOnAsync().WaitAsync(_patience);
        Assert.Equal((JournalFormat.Version, JournalFormat.Version), (old.Node.Format, next.Node.Store.Journal.Format));
        // The new release goes back, and comes again.
        await LeaveAsync(next);
        var back = await JoinAsync("a");
        await OwnedAsync(old, back);
        await LeaveAsync(back);
        next = await JoinAsync("a", reads: Newer);
        await OwnedAsync(old, next);

        // The old one is down for a moment, in which all that live are new.
        await LeaveAsync(old);
        await OwnedAsync(next);
        old = await JoinAsync("old");
        await OwnedAsync(old, next);
        Assert.Equal(JournalFormat.Version, await ScalarAsync<int>("SELECT format FROM journal"));
        // It is replaced at last, and the others have waited for long enough.
        await LeaveAsync(old);
        var second = await JoinAsync("b", reads: Newer, agreeAfter: TimeSpan.FromMilliseconds(100));
        await UntilAsync(() => next.Node.Store.Journal.Format == Newer && second.Node.Format == Newer, "The newer format");

        await _ledger.AllGoOnAsync().WaitAsync(_patience);
        Assert.Equal(Newer, await ScalarAsync<int>("SELECT format FROM journal"));
        Assert.Contains(_log, line => line.StartsWith($"All servers read events of format {Newer}", StringComparison.Ordinal));
        // Nothing new was written so far, and each event has the format that it needs.
        Assert.Equal(1, await ScalarAsync<short>("SELECT max(version) FROM events"));
        var refused = await Assert.ThrowsAsync<JournalFormatException>(() => JoinAsync("old"));
        Assert.Contains($"holds events of format {Newer}, and this release reads up to format {JournalFormat.Version}. Start the release", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, _ledger.Fenced);
    }

    [PostgresFact]
    public async Task ANodeOfANewerReleaseThatIsAlone_WritesWhatItReads()
    {
        await LeaveAsync(await JoinAsync("a"));

        var next = await JoinAsync("a", reads: Newer);

        await UntilAsync(() => next.Node.Format == Newer, "The newer format");
        await Assert.ThrowsAsync<JournalFormatException>(() => JoinAsync("b"));
    }

    [PostgresFact]
    public async Task WhatIsAnotherNodes_IsNotOpened()
    {
        var (first, second) = (await JoinAsync("a"), await JoinAsync("b"));
        await OwnedAsync(first, second);
        var stream = _ledger.Streams.First(stream => second.Node.Owned.Contains(Shards.Of(stream)));

        var refused = await Assert.ThrowsAsync<RefusedException>(() => first.Node.Store.Journal.OpenAsync(stream, default));

        Assert.Equal((RefusalKind.Busy, "FAN0008"), (refused.Kind, refused.Code));
        Assert.Equal("b", first.Node.AddressOf(Shards.Of(stream)));
        Assert.Equal("b", second.Node.AddressOf(Shards.Of(stream)));
    }

    [PostgresFact]
    public async Task StreamsOfBeforeThereWereShards_HaveTheirsAfterTheMigration()
    {
        var streams = new List<StreamId> { StreamId.Flow(A.Ns, "etl"), StreamId.Flow("täst", "ünï") };
        streams.AddRange(_ledger.Streams);
        await using (var election = await PostgresElection.JoinAsync(_database, TimeProvider.System))
        {
            await using var store = await election.WinAsync("alone", default);
            foreach (var stream in streams) await store.Journal.AppendAsync(A.Append(stream, await store.Journal.OpenAsync(stream, default)));
        }
        var written = await ShardsAsync();
        var metaflow = new NpgsqlConnectionStringBuilder(_database).SearchPath + "_metaflow";
        await shared.Server.ExecuteAsync($"DROP SCHEMA {metaflow} CASCADE; ALTER TABLE streams DROP COLUMN shard; ALTER TABLE deployments DROP COLUMN deleted_us; DROP TABLE nodes, shards, silos, silos_version, orleansquery, schema_oldest, schedules, triggers, trigger_sources, published_events, dead_letters, backfills, notices, pools; DELETE FROM schema_version WHERE version >= 4", _database);

        await PostgresDatabase.MigrateAsync(_database, default);

        Assert.Equal(streams.ToDictionary(stream => stream.ToString(), Shards.Of), written);
        Assert.Equal(written, await ShardsAsync());
    }

    [Fact]
    public void AShardsOwner_IsAgreedUpon_AndChangesOnlyWithNeed()
    {
        (long, string)[] three = [(1, "http://a:1"), (5, "http://b:1"), (9, "http://c:1")];
        var owners = Rendezvous.Assign(three);
        Assert.Equal(owners, Rendezvous.Assign([.. three.Reverse()]));
        Assert.All(three, node => Assert.InRange(owners.Count(owner => owner == node.Item1), 280, 400));

        var fewer = Rendezvous.Assign(three[..2]);
        Assert.All(Enumerable.Range(0, Shards.Count).Where(shard => owners[shard] != 9), shard => Assert.Equal(owners[shard], fewer[shard]));
        // Under the same address, the same shards.
        var again = Rendezvous.Assign([.. three[..2], (12, "http://c:1")]);
        Assert.All(Enumerable.Range(0, Shards.Count), shard => Assert.Equal(owners[shard] == 9 ? 12 : owners[shard], again[shard]));
        Assert.All(Rendezvous.Assign([]), Assert.Null);
    }

    private async Task<Member> JoinAsync(string address, string? database = null, int reads = JournalFormat.Version, TimeSpan? agreeAfter = null)
    {
        var node = await PostgresNode.JoinAsync(database ?? _database, address, reads, agreeAfter ?? TimeSpan.FromHours(1), TimeProvider.System, _log.Enqueue);
        var member = new Member(address, node, new NodeTraffic(_ledger, $"{address}{_members.Count}") { Store = node.Store });
        lock (_members) _members.Add(member);
        node.Start(member.Traffic);
        return member;
    }

    private async Task LeaveAsync(Member member)
    {
        _members.Remove(member);
        await member.Node.DisposeAsync().AsTask().WaitAsync(_patience);
    }

    // Each shard is whose it is to be, and all know that.
    private static async Task OwnedAsync(params Member[] members)
    {
        var owners = Rendezvous.Assign([.. members.Select((member, i) => ((long)i, member.Address))]);
        await UntilAsync(() => Enumerable.Range(0, members.Length).All(i => members[i].Node.Owned.ToHashSet().SetEquals(Enumerable.Range(0, Shards.Count).Where(shard => owners[shard] == i))), "An owner of each shard");
        await UntilAsync(() => members.All(member => Enumerable.Range(0, Shards.Count).All(shard => member.Node.AddressOf(shard) == members[owners[shard]!.Value].Address)), "Word of it");
    }

    private async Task CheckAsync()
    {
        foreach (var member in _members.ToList()) await LeaveAsync(member);
        Assert.Equal(0, await ScalarAsync<long>("SELECT (SELECT count(*) FROM nodes) + (SELECT count(*) FROM writers) + (SELECT count(*) FROM shards WHERE node IS NOT NULL)"));
        await using var election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        await using var store = await election.WinAsync("check", default);
        await _ledger.CheckAsync(shared.Server, _database, store);
    }

    private async Task<Dictionary<string, int>> ShardsAsync()
    {
        await using var source = NpgsqlDataSource.Create(_database);
        await using var command = source.CreateCommand("SELECT name, shard::integer FROM streams");
        await using var rows = await command.ExecuteReaderAsync();
        var shards = new Dictionary<string, int>();
        while (await rows.ReadAsync()) shards.Add(rows.GetString(0), rows.GetInt32(1));
        return shards;
    }

    private Task<T?> ScalarAsync<T>(string sql) => shared.Server.ScalarAsync<T>(sql, _database);

    private static async Task UntilAsync(Func<bool> done, string what)
    {
        for (var until = DateTime.UtcNow + _patience; !done(); await Task.Delay(_look)) Assert.True(DateTime.UtcNow < until, $"{what} did not come within {_patience.TotalSeconds} s.");
    }

    private sealed record Member(string Address, PostgresNode Node, NodeTraffic Traffic);
}
