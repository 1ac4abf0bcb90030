using Npgsql;

namespace Fanfare.Storage.Postgres.Leading;

/// <summary>A leader's lease on the journal, renewed until it is released or lost. Appends are fenced by the database itself; this is for what a leader says
/// without writing, such as that a worker may keep its tasks: it must fall silent before another can lead. It does when the last renewal is as old as the lease is
/// long, and as soon as its session ends: the others see by a lock that lives as long as the session that it was killed, and wait a moment before they believe it.</summary>
internal sealed class LeaderLease : IAsyncDisposable
{
    /// <summary>How long it lasts without renewal; so long at most nobody leads when a leader dies.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromSeconds(2);

    /// <summary>Thrice within its length, and no more: an idle database is to be left in peace.</summary>
    private static readonly TimeSpan _renewEvery = TimeSpan.FromMilliseconds(670);

    private static readonly TimeSpan _retryAfter = TimeSpan.FromMilliseconds(100);

    private readonly NpgsqlDataSource _sessions;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationToken _isLost;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _renewing;
    private readonly long _term;
    private NpgsqlConnection? _session;
    private bool _isLocked;
    private long _renewedAt, _log;
    private volatile bool _released, _isAway;

    /// <param name="session">That which took over. It belongs to the lease.</param>
    /// <param name="sessions">Makes others, unpooled, when it breaks.</param>
    /// <param name="since">Timestamp from before the takeover.</param>
    public LeaderLease(NpgsqlConnection session, NpgsqlDataSource sessions, Takeover takeover, long since, TimeProvider clock)
    {
        (_session, _isLocked, _sessions, _term, _log, _renewedAt, _clock, _isLost) = (session, takeover.IsLocked, sessions, takeover.Term, takeover.Log, since, clock, _lost.Token);
        _renewing = Task.Run(RenewAsync);
    }

    /// <summary>Whether nobody else can lead now. Counted from when the last renewal was sent, by a clock that nobody sets.</summary>
    public bool IsHeld => !_released && !_isAway && !_isLost.IsCancellationRequested && _clock.GetElapsedTime(Volatile.Read(ref _renewedAt)) < Length;

    /// <summary>How far the database's log had come at the last renewal.</summary>
    public long Log => Volatile.Read(ref _log);

    /// <summary>Cancelled when another server has taken over.</summary>
    public CancellationToken Lost => _isLost;

    /// <summary>Tries to make a session that of the leader: no other is, until it ends.</summary>
    public static async Task<bool> LockAsync(NpgsqlConnection session, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Takeover.Sql["lead"], session);
        return (bool)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    /// <summary>Gives the lease up, so that another server takes over at once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_released) return;
        _released = true;
        await _ending.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        try
        {
            if (!_lost.IsCancellationRequested) await ScalarAsync("release", CancellationToken.None, _term).ConfigureAwait(false);
        }
        catch (Exception error) when (PostgresFailure.IsEnvironment(error))
        {
            // It runs out by itself.
        }
        finally
        {
            await CloseAsync().ConfigureAwait(false);
        }
        _ending.Dispose();
        _lost.Dispose();
    }

    private async Task RenewAsync()
    {
        var pause = TimeSpan.Zero;
        while (!_ending.IsCancellationRequested)
        {
            try
            {
                var sent = _clock.GetTimestamp();
                if (await ScalarAsync("renew", _ending.Token, _term, Length).ConfigureAwait(false) is not long log || log < Log)
                {
                    // Another server has taken over; or the database went back in time, and is to be taken over anew.
                    await _lost.CancelAsync().ConfigureAwait(false);
                    await CloseAsync().ConfigureAwait(false);
                    return;
                }
                Volatile.Write(ref _log, log);
                Volatile.Write(ref _renewedAt, sent);
                pause = TimeSpan.Zero;
                await LockAsync().ConfigureAwait(false);
                // That the session ends is noticed at once.
                await _session!.WaitAsync(_isLocked ? _renewEvery : _retryAfter, _ending.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (PostgresFailure.IsEnvironment(error) || error is PostgresException)
            {
                // While the database is away nobody can take over either. Whether somebody did meanwhile is seen when it is back. What else it
                // says (that the table is gone, say) ends the lease, which shows at the server's health.
                await CloseAsync().ConfigureAwait(false);
                await Task.Delay(pause, _clock, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = _retryAfter;
            }
        }
    }

    // Only after a renewal, which only who leads can make.
    private async Task LockAsync()
    {
        if (!_isLocked && !(_isLocked = await LockAsync(_session!, _ending.Token).ConfigureAwait(false)))
        {
            // A session that nobody uses any more holds it: a former leader's, or its own of before a connection broke.
            await ScalarAsync("end_leader", _ending.Token).ConfigureAwait(false);
            return;
        }
        _isAway = false;
    }

    private async Task<object?> ScalarAsync(string name, CancellationToken cancellationToken, params object[] values)
    {
        if (_session?.State is not System.Data.ConnectionState.Open) await CloseAsync().ConfigureAwait(false);
        _session ??= await _sessions.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var command = new NpgsqlCommand(Takeover.Sql[name], _session);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask CloseAsync()
    {
        if (_session is { } session) await session.DisposeAsync().ConfigureAwait(false);
        (_session, _isLocked, _isAway) = (null, false, true);
    }
}
