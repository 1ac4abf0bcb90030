using Npgsql;

namespace Fanfare.Storage.Postgres.Leading;

/// <summary>A leader's lease on the journal, renewed until it is released or lost. Appends are fenced by the database itself; this is for what a leader says
/// without writing, such as that a worker may keep its tasks: it must fall silent before another can lead.</summary>
internal sealed class LeaderLease : IAsyncDisposable
{
    /// <summary>How long it lasts without renewal; so long at most nobody leads when a leader dies.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromSeconds(2);

    /// <summary>Thrice within its length, and no more: an idle database is to be left in peace.</summary>
    private static readonly TimeSpan _renewEvery = TimeSpan.FromMilliseconds(670);

    private static readonly TimeSpan _retryAfter = TimeSpan.FromMilliseconds(100);

    private readonly NpgsqlDataSource _connections;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationToken _isLost;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _renewing;
    private readonly long _term;
    private long _renewedAt, _log;
    private volatile bool _released;

    /// <param name="since">Timestamp from before the takeover.</param>
    public LeaderLease(NpgsqlDataSource connections, Takeover takeover, long since, TimeProvider clock)
    {
        (_connections, _term, _log, _renewedAt, _clock, _isLost) = (connections, takeover.Term, takeover.Log, since, clock, _lost.Token);
        _renewing = Task.Run(RenewAsync);
    }

    /// <summary>Whether nobody else can lead now. Counted from when the last renewal was sent, by a clock that nobody sets.</summary>
    public bool IsHeld => !_released && !_isLost.IsCancellationRequested && _clock.GetElapsedTime(Volatile.Read(ref _renewedAt)) < Length;

    /// <summary>How far the database's log had come at the last renewal.</summary>
    public long Log => Volatile.Read(ref _log);

    /// <summary>Cancelled when another server has taken over.</summary>
    public CancellationToken Lost => _isLost;

    /// <summary>Gives the lease up, so that another server takes over at once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_released) return;
        _released = true;
        await _ending.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        if (!_lost.IsCancellationRequested)
        {
            try
            {
                await ScalarAsync("release", CancellationToken.None, _term).ConfigureAwait(false);
            }
            catch (Exception error) when (PostgresFailure.IsEnvironment(error))
            {
                // It runs out by itself.
            }
        }
        _ending.Dispose();
        _lost.Dispose();
    }

    private async Task RenewAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            var pause = _renewEvery;
            try
            {
                var sent = _clock.GetTimestamp();
                if (await ScalarAsync("renew", _ending.Token, _term, Length).ConfigureAwait(false) is not long log || log < Log)
                {
                    // Another server has taken over; or the database went back in time, and is to be taken over anew.
                    await _lost.CancelAsync().ConfigureAwait(false);
                    return;
                }
                Volatile.Write(ref _log, log);
                Volatile.Write(ref _renewedAt, sent);
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (PostgresFailure.IsEnvironment(error) || error is PostgresException)
            {
                // While the database is away nobody can take over either. Whether somebody did meanwhile is seen when it is back. What else it
                // says (that the table is gone, say) ends the lease, which shows at the server's health.
                pause = _retryAfter;
            }
            await Task.Delay(pause, _clock, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<object?> ScalarAsync(string name, CancellationToken cancellationToken, params object[] values)
    {
        var connection = await _connections.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var returned = connection.ConfigureAwait(false);
        await using var command = new NpgsqlCommand(Takeover.Sql[name], connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
    }
}
