using Fanfare.EndToEnd.Standby;
using Npgsql;

namespace Fanfare.EndToEnd.Metrics.Alerts;

/// <summary>The database goes away, and then the one of two servers that led: the other cannot take over.</summary>
internal sealed class AbsentDatabase : AlertFault
{
    private StandbySite? _site;

    public override IReadOnlyList<string> Alerts => ["FanfareNoLeader", "FanfareNotReady"];

    public override string? Refusal => PrivatePostgres.Refusal;

    private StandbySite Site => _site ?? throw new InvalidOperationException("It has not started.");

    public override async Task<IReadOnlyList<string>> StartAsync(Site shared)
    {
        _site = await StandbySite.StartAsync();
        return [.. Site.Members.Select(member => member.Url)];
    }

    public override async Task BreakAsync(RunningPrometheus prometheus)
    {
        var leader = await Site.LeaderAsync();
        await Site.Postgres.StopAsync(StopMode.Fast);
        await prometheus.FiringAsync("FanfareNotReady", ("instance", $"127.0.0.1:{leader.Port}"));
        await leader.Process.KillAsync();
    }

    public override async Task MendAsync()
    {
        await Site.Postgres.StartAgainAsync();
        await (await Site.LeaderAsync()).Api.SucceedAsync("""
            name: after
            steps:
              start: {run: "true"}
            """);
    }

    public override ValueTask DisposeAsync() => _site?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>A session in the database holds a lock on one of Fanfare's tables again and again, so that each commit waits.</summary>
internal sealed class LockedJournal : AlertFault
{
    private readonly SharedPostgres _postgres = new();
    private readonly CancellationTokenSource _mended = new();
    private Site? _site;
    private Task _locks = Task.CompletedTask, _work = Task.CompletedTask;

    public override IReadOnlyList<string> Alerts => ["FanfareJournalSlow"];

    public override string? Refusal => PrivatePostgres.Refusal;

    private Site Site => _site ?? throw new InvalidOperationException("It has not started.");

    public override async Task<IReadOnlyList<string>> StartAsync(Site shared)
    {
        await _postgres.InitializeAsync();
        _site = Site.Empty();
        await Site.StartServerAsync(false, "--database", _postgres.Database);
        // There is always something to commit.
        _work = Task.Run(async () =>
        {
            while (!_mended.IsCancellationRequested) Assert.Equal(201, (await Site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/events", new { name = "nobody-listens" })).Status);
        });
        return [Site.Url];
    }

    public override Task BreakAsync(RunningPrometheus prometheus)
    {
        _locks = _postgres.Server.ExecuteAsync(
            "DO $$ BEGIN LOOP LOCK TABLE fanfare.events IN EXCLUSIVE MODE; PERFORM pg_sleep(0.8); COMMIT; PERFORM pg_sleep(0.02); END LOOP; END $$", _postgres.Database);
        return Task.CompletedTask;
    }

    public override async Task MendAsync()
    {
        await _postgres.Server.ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN LOOP LOCK%'", _postgres.Database);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => _locks);
    }

    public override async ValueTask DisposeAsync()
    {
        await _mended.CancelAsync();
        if (!_locks.IsCompleted) await MendAsync();
        await _work;
        if (_site is not null) await _site.DisposeAsync();
        await _postgres.DisposeAsync();
        _mended.Dispose();
    }
}

/// <summary>The only server hangs, and goes on when many times of its schedules have passed.</summary>
internal sealed class HungServer : AlertFault
{
    private Site? _site;

    public override IReadOnlyList<string> Alerts => ["FanfareScheduleLate"];

    private Site Site => _site ?? throw new InvalidOperationException("It has not started.");

    public override async Task<IReadOnlyList<string>> StartAsync(Site shared)
    {
        _site = Site.Empty();
        await Site.StartServerAsync();
        await Site.Api.DeployAsync("""
            name: steady
            schedules: {often: {every: 1s, missed: all, overlap: allow}}
            steps:
              start: {run: "true"}
            """);
        return [Site.Url];
    }

    public override async Task BreakAsync(RunningPrometheus prometheus)
    {
        await prometheus.ValueAsync("fanfare_schedule_delay_seconds_count", value => value >= 3);
        Site.Server.Freeze();
        // Nothing has been heard of it for fifteen seconds, which stand for a quarter of an hour.
        await prometheus.ValueAsync("max_over_time(up[15s])", value => value == 0);
        await prometheus.FiringAsync("FanfareNoLeader");
        Site.Server.Thaw();
        await prometheus.NotFiringAsync("FanfareNoLeader");
    }

    // What it missed it makes up for by itself.
    public override Task MendAsync() => Task.CompletedTask;

    public override async ValueTask DisposeAsync()
    {
        if (_site is not null) await _site.DisposeAsync();
    }
}
