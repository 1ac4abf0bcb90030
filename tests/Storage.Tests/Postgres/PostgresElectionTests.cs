using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>Several servers on one database: one leads, and nothing that is answered is wrong when another takes over, whatever was under way.</summary>
public sealed class PostgresElectionTests(SharedPostgres shared) : IClassFixture<SharedPostgres>, IAsyncLifetime
{
    private const int Runs = 6;

    private const int Lively = Runs * 4 * 3;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60), _look = TimeSpan.FromMilliseconds(10);

    private readonly string _database = shared.NewSchema();
    private readonly List<IAsyncDisposable> _used = [];
    private readonly List<string> _log = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        // The wires first: a store on a dead one takes its time to close.
        foreach (var wire in _used.OfType<Wire>()) wire.Mend();
        for (var i = _used.Count - 1; i >= 0; i--) await _used[i].DisposeAsync();
    }

    [PostgresFact]
    public async Task TheSecond_Waits_AndLeadsAtOnce_WhenTheFirstIsClosed()
    {
        var first = await WinAsync(await JoinAsync(_database), "a");
        var second = await JoinAsync(_database);
        var winning = WinAsync(second, "b");
        await UntilAsync(() => second.Leader == "a", "Word of who leads");
        var until = await ScalarAsync<DateTime>("SELECT lease_until FROM leader");
        while (await ScalarAsync<DateTime>("SELECT lease_until FROM leader") < until.AddSeconds(2)) await Task.Delay(_look);
        Assert.False(winning.IsCompleted);
        Assert.True(first.Leads);

        var closed = Stopwatch.StartNew();
        await first.DisposeAsync();
        var store = await winning.WaitAsync(_patience);

        // Without word of it, it would wait for what the lease still had: two thirds of two seconds, at least.
        Assert.InRange(closed.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1.3));
        Assert.False(first.Leads);
        Assert.False(first.Deposed.IsCancellationRequested);
        Assert.True(store.Leads);
        Assert.Equal("b", second.Leader);
        Assert.Equal(first.Journal.Incarnation, store.Journal.Incarnation);
        await WriteAsync(store, "r1");
    }

    [PostgresFact]
    public async Task OfManyThatWait_OneLeads()
    {
        var first = await WinAsync(await JoinAsync(_database), "0");
        var elections = await Task.WhenAll(Enumerable.Range(1, 4).Select(_ => JoinAsync(_database)));
        var winning = elections.Select((election, i) => WinAsync(election, $"{i + 1}")).ToList();

        for (var left = first; winning.Count > 0;)
        {
            await left.DisposeAsync();
            var won = await Task.WhenAny(winning).WaitAsync(_patience);
            winning.Remove(won);
            left = await won;
            Assert.True(left.Leads);
            Assert.DoesNotContain(winning, other => other.IsCompleted);
            await WriteAsync(left, $"r{winning.Count}");
        }
    }

    [PostgresFact]
    public async Task WhoCannotReachTheDatabase_StopsLeadingBeforeAnotherDoes_AndLearnsOfItLater()
    {
        var (wire, first, winning, before) = await WiredAsync();

        var broken = Stopwatch.StartNew();
        wire.Break();
        var second = await winning.WaitAsync(_patience);

        Assert.False(first.Leads);
        Assert.InRange(broken.Elapsed, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
        var after = new Traffic(second, "b", Runs);
        await after.AnsweredAsync(Lively);
        Assert.Equal(0, before.Fenced);
        Assert.False(first.Deposed.IsCancellationRequested);

        wire.Mend();
        await before.EndedAsync();
        await UntilAsync(() => first.Deposed.IsCancellationRequested, "Word of the takeover");
        Assert.NotEqual(0, before.Fenced);
        Assert.Contains("Another server has taken over", first.Journal.Health, StringComparison.Ordinal);
        await after.AnsweredAsync(Lively);
        await after.StopAsync();
        Assert.Equal(0, after.Fenced);
        Assert.True(second.Leads);
        await Traffic.CheckAsync(shared.Server, _database, second, before, after);
    }

    [PostgresFact]
    public async Task WhoIsKilled_IsFollowedBeforeItsLeaseHasPassed()
    {
        // A lease lasts two seconds, and is renewed when a third of it has passed. The database may stand still for a moment: of three, one must be quicker.
        var (limit, quickest) = (TimeSpan.FromSeconds(1.3), TimeSpan.MaxValue);
        var traffics = new List<Traffic>();
        PostgresStore? second = null;
        for (var round = 0; round < 3 && quickest >= limit; round++)
        {
            if (second is not null) await second.DisposeAsync();
            var (wire, first, winning, before) = await WiredAsync();

            var killed = Stopwatch.StartNew();
            wire.HangUp();
            second = await winning.WaitAsync(_patience);

            quickest = killed.Elapsed < quickest ? killed.Elapsed : quickest;
            Assert.False(first.Leads);
            var after = new Traffic(second, $"b{round}", Runs);
            await after.AnsweredAsync(Lively);
            wire.Mend();
            await before.EndedAsync();
            await UntilAsync(() => first.Deposed.IsCancellationRequested, "Word of the takeover");
            await after.StopAsync();
            Assert.Equal(0, after.Fenced);
            traffics.AddRange([before, after]);
        }
        Assert.InRange(quickest, TimeSpan.Zero, limit);
        await Traffic.CheckAsync(shared.Server, _database, second!, [.. traffics]);
    }

    [PostgresFact]
    public async Task ALeaderWhoseSessionsEnd_GoesOnLeading()
    {
        var first = await WinAsync(await JoinAsync(_database), "a");
        var winning = WinAsync(await JoinAsync(_database), "b");
        var traffic = new Traffic(first, "a", Runs);
        for (var round = 0; round < 5; round++)
        {
            var session = await LeadersSessionAsync();
            await shared.Server.ExecuteAsync($"SELECT pg_terminate_backend({session})", _database);
            await UntilAsync(async () => await LeadersSessionAsync() is { } now && now != session && first.Leads, "A new session of the leader");
            await traffic.AnsweredAsync(Lively);
        }
        await traffic.StopAsync();

        Assert.False(winning.IsCompleted);
        Assert.Equal(0, traffic.Fenced);
        Assert.Equal(1, await ScalarAsync<long>("SELECT term FROM journal"));
        await first.DisposeAsync();
        Assert.True((await winning.WaitAsync(_patience)).Leads);
    }

    [PostgresTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AWriteOnItsWay_WhileAnotherTakesOver_IsAnsweredByWhatBecameOfIt(bool arrives)
    {
        var (wire, first, winning, before) = await WiredAsync();
        await before.StopAsync();
        var stream = StreamId.Run(A.Ns, "r100");
        var opened = await first.Journal.OpenAsync(stream, default);

        if (arrives) wire.BreakAnswers();
        else wire.Break();
        var onItsWay = first.Journal.AppendAsync(A.Append(stream, opened, expected: 0));
        var behind = first.Journal.AppendAsync(A.Append(stream, opened, expected: 1));
        if (arrives) await UntilAsync(async () => await ScalarAsync<long>("SELECT count(*) FROM streams WHERE name = 'default/run/r100'") == 1, "The write");
        var second = await winning.WaitAsync(_patience);
        Assert.False(onItsWay.IsCompleted);
        wire.Mend();

        Assert.Equal(arrives ? AppendOutcome.Committed : AppendOutcome.Fenced, await onItsWay.WaitAsync(_patience));
        Assert.Equal(AppendOutcome.Fenced, await behind.WaitAsync(_patience));
        Assert.Equal(arrives ? 1 : 0, (await second.Journal.OpenAsync(stream, default)).Sequence);
        Assert.Equal(AppendOutcome.Fenced, await first.Journal.AppendAsync(A.Append(stream, opened, expected: arrives ? 1 : 0)).WaitAsync(_patience));
        await UntilAsync(() => first.Deposed.IsCancellationRequested, "Word of the takeover");
    }

    [PostgresFact]
    public async Task AWriteThatArrived_IsAnsweredSo_AlsoWhenAnotherConnectionLearnsOfTheTakeoverFirst()
    {
        var (wire, first, winning, before) = await WiredAsync();
        await before.StopAsync();
        var (arrived, late) = (StreamId.Run(A.Ns, "r100"), StreamId.Run(A.Ns, "r101"));
        var (ofArrived, ofLate) = (await first.Journal.OpenAsync(arrived, default), await first.Journal.OpenAsync(late, default));

        wire.BreakAnswers();
        var written = first.Journal.AppendAsync(A.Append(arrived, ofArrived, expected: 0));
        await UntilAsync(async () => await ScalarAsync<long>("SELECT count(*) FROM streams WHERE name = 'default/run/r100'") == 1, "The write");
        wire.HangUp();
        await winning.WaitAsync(_patience);
        // So large that it does not wait for the other, which has been refused for long, and is tried again less often.
        var lost = first.Journal.AppendAsync(A.Append(late, ofLate, count: 200));
        wire.Mend();

        Assert.Equal(AppendOutcome.Fenced, await lost.WaitAsync(_patience));
        Assert.Equal(AppendOutcome.Committed, await written.WaitAsync(_patience));
    }

    [PostgresFact]
    public async Task ALaggingReplicaThatIsPromotedUnderTheSameName_IsTakenOverAnew_AndNothingIsTakenForWrittenThatItLacks()
    {
        await using var primary = await PrivatePostgres.StartAsync();
        var database = new NpgsqlConnectionStringBuilder(await primary.CreateDatabaseAsync()) { SearchPath = "fanfare" }.ConnectionString;
        await using var wire = new Wire(database);
        await using var election = await PostgresElection.JoinAsync(wire.Database, TimeProvider.System, line => { lock (_log) _log.Add(line); });
        var first = await election.WinAsync("a", CancellationToken.None).WaitAsync(_patience);
        await WriteAsync(first, "kept");
        await using var replica = await PrivatePostgres.FollowAsync(primary);
        await replica.LagAsync();
        await WriteAsync(first, "missing");
        var stream = StreamId.Run(A.Ns, "missing");
        var opened = await first.Journal.OpenAsync(stream, default);

        await primary.KillAsync();
        wire.LeadTo(replica.SameDatabase(database));
        await replica.PromoteAsync();
        Assert.Equal(AppendOutcome.Fenced, await first.Journal.AppendAsync(A.Append(stream, opened, expected: opened.Sequence)).WaitAsync(_patience));
        await UntilAsync(() => first.Deposed.IsCancellationRequested, "Word of the failover");
        Assert.False(first.Leads);
        await first.DisposeAsync();
        await using var second = await election.WinAsync("a", CancellationToken.None).WaitAsync(_patience);

        Assert.NotEqual(first.Journal.Incarnation, second.Journal.Incarnation);
        Assert.Contains(_log, line => line.Contains("failed over to another copy", StringComparison.Ordinal));
        Assert.Equal(1, (await second.Journal.OpenAsync(StreamId.Run(A.Ns, "kept"), default)).Sequence);
        Assert.Equal(0, (await second.Journal.OpenAsync(stream, default)).Sequence);
        await WriteAsync(second, "missing");
    }

    [PostgresFact]
    public async Task AppendsThatRaceWithTakeovers_AreThereOrNot_AsTheyWereAnswered()
    {
        var store = await WinAsync(await JoinAsync(_database), "0");
        var traffics = new List<Traffic> { new(store, "0", Runs) };
        for (var round = 1; round <= 6; round++)
        {
            var winning = WinAsync(await JoinAsync(_database), $"{round}");
            await traffics[^1].AnsweredAsync(Lively * 2);
            // As if its clock had stood still: the lease passes while it writes.
            while (!winning.IsCompleted)
            {
                await shared.Server.ExecuteAsync($"UPDATE leader SET lease_until = 'epoch' WHERE address = '{round - 1}'; NOTIFY fanfare_leader", _database);
                await Task.WhenAny(winning, Task.Delay(_look));
            }
            var deposed = store;
            store = await winning;
            traffics.Add(new Traffic(store, $"{round}", Runs));
            await traffics[^2].EndedAsync();
            await UntilAsync(() => deposed.Deposed.IsCancellationRequested, "Word of the takeover");
            Assert.False(deposed.Leads);
            await deposed.DisposeAsync();
        }
        await traffics[^1].AnsweredAsync(Lively);
        await traffics[^1].StopAsync();

        Assert.All(traffics[..^1], traffic => Assert.Equal(Runs * 4, traffic.Fenced));
        await Traffic.CheckAsync(shared.Server, _database, store, [.. traffics]);
    }

    [PostgresFact]
    public async Task AClaimWhoseAnswerWasLost_DeposesNobody()
    {
        var store = await WinAsync(await JoinAsync(_database), "a");
        var traffic = new Traffic(store, "a", Runs);
        for (var round = 0; round < 5; round++)
        {
            await traffic.AnsweredAsync(Lively);
            // What such a claim leaves behind: the slot is of a session that nobody knows of.
            await shared.Server.ExecuteAsync("UPDATE writers SET session = nextval('writer_sessions')", _database);
        }
        await traffic.AnsweredAsync(Lively);
        await traffic.StopAsync();

        Assert.Equal(0, traffic.Fenced);
        Assert.Null(store.Journal.Health);
        await Traffic.CheckAsync(shared.Server, _database, store, traffic);
    }

    /// <summary>A leader at the end of a wire, with traffic, so that both of its connections that write are there; and one that waits to lead.</summary>
    private async Task<(Wire Wire, PostgresStore First, Task<PostgresStore> Winning, Traffic Traffic)> WiredAsync()
    {
        var wire = new Wire(_database);
        _used.Add(wire);
        var first = await WinAsync(await JoinAsync(wire.Database), "a");
        var winning = WinAsync(await JoinAsync(_database), "b");
        var traffic = new Traffic(first, "a", Runs);
        await traffic.AnsweredAsync(Lively);
        return (wire, first, winning, traffic);
    }

    private async Task<PostgresElection> JoinAsync(string database)
    {
        var election = await PostgresElection.JoinAsync(database, TimeProvider.System);
        lock (_used) _used.Add(election);
        return election;
    }

    private async Task<PostgresStore> WinAsync(PostgresElection election, string address)
    {
        var store = await election.WinAsync(address, CancellationToken.None);
        lock (_used) _used.Add(store);
        return store;
    }

    private static async Task WriteAsync(PostgresStore store, string run)
    {
        var stream = StreamId.Run(A.Ns, run);
        Assert.Equal(AppendOutcome.Committed, await store.Journal.AppendAsync(A.Append(stream, await store.Journal.OpenAsync(stream, default))).WaitAsync(_patience));
    }

    private Task<int?> LeadersSessionAsync() =>
        ScalarAsync<int?>("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1717661292 AND objid = current_schema()::regnamespace::oid");

    private Task<T?> ScalarAsync<T>(string sql) => shared.Server.ScalarAsync<T>(sql, _database);

    private static Task UntilAsync(Func<bool> done, string what) => UntilAsync(() => Task.FromResult(done()), what);

    private static async Task UntilAsync(Func<Task<bool>> done, string what)
    {
        for (var until = DateTime.UtcNow + _patience; !await done(); await Task.Delay(_look)) Assert.True(DateTime.UtcNow < until, $"{what} did not come within {_patience.TotalSeconds} s.");
    }
}
