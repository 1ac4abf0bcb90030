using System.Data;
using Npgsql;

namespace Fanfare.Storage.Postgres.Leading;

/// <summary>A server's lease on what it owns in the database, renewed until it is released or lost. Appends are fenced by the database itself; this is for what a server says
/// without writing, such as that a worker may keep its tasks: it must fall silent before another owns what it did. It does when the last renewal is as old as the lease is
/// long, and as soon as its session ends: the others see by a lock that lives as long as the session that it was killed, and wait a moment before they believe it.</summary>
internal abstract class SessionLease : IAsyncDisposable
{
    /// <summary>How long it lasts without renewal; so long at most nobody owns what a server did that hangs.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromSeconds(2);

    /// <summary>How long the session may be away, in the others' eyes: one that only broke is back by then.</summary>
    public static readonly TimeSpan LongestAway = TimeSpan.FromMilliseconds(300);

    /// <summary>Thrice within its length, and no more: an idle database is to be left in peace.</summary>
    private static readonly TimeSpan _renewEvery = TimeSpan.FromMilliseconds(670);

    private static readonly TimeSpan _retryAfter = TimeSpan.FromMilliseconds(100);

    private readonly NpgsqlDataSource _sessions;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationToken _isLost;
    private readonly CancellationTokenSource _ending = new();
    private Task _renewing = Task.CompletedTask;
    private NpgsqlConnection? _session;
    private bool _isLocked;
    private long _renewedAt;
    private volatile bool _released, _isAway;

    /// <param name="session">That which took the lease. It belongs to the lease.</param>
    /// <param name="isLocked">Whether it holds the lock.</param>
    /// <param name="sessions">Makes others, unpooled, when it breaks.</param>
    /// <param name="since">Timestamp from before the lease was taken.</param>
    protected SessionLease(NpgsqlConnection session, bool isLocked, NpgsqlDataSource sessions, long since, TimeProvider clock) =>
        (_session, _isLocked, _sessions, _renewedAt, _clock, _isLost) = (session, isLocked, sessions, since, clock, _lost.Token);

    /// <summary>Whether nobody else can own now what it stands for. Counted from when the last renewal was sent, by a clock that nobody sets.</summary>
    public bool IsHeld => !_released && !_isAway && !_isLost.IsCancellationRequested && _clock.GetElapsedTime(Volatile.Read(ref _renewedAt)) < Length;

    /// <summary>How far the database's log had come at the last renewal.</summary>
    public abstract long Log { get; }

    /// <summary>Cancelled when another server has taken what it stands for.</summary>
    public CancellationToken Lost => _isLost;

    protected TimeProvider Clock => _clock;

    /// <summary>How long to wait until the next renewal.</summary>
    protected virtual TimeSpan Pause => _renewEvery;

    /// <summary>Begins to renew it.</summary>
    public void Start() => _renewing = Task.Run(RenewAsync);

    /// <summary>Gives the lease up, so that another server takes over at once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_released) return;
        _released = true;
        await _ending.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        try
        {
            if (!_lost.IsCancellationRequested) await ReleaseAsync(await SessionAsync(CancellationToken.None).ConfigureAwait(false)).ConfigureAwait(false);
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

    /// <summary>Renews it; false when it is another's.</summary>
    protected abstract Task<bool> RenewAsync(NpgsqlConnection session, CancellationToken cancellationToken);

    /// <summary>Tries to have the session hold the lock.</summary>
    protected abstract Task<bool> LockAsync(NpgsqlConnection session, CancellationToken cancellationToken);

    /// <summary>Ends the session that holds the lock, if it is another.</summary>
    protected abstract Task EndOtherAsync(NpgsqlConnection session, CancellationToken cancellationToken);

    protected abstract Task ReleaseAsync(NpgsqlConnection session);

    private async Task RenewAsync()
    {
        var retry = TimeSpan.Zero;
        while (!_ending.IsCancellationRequested)
        {
            try
            {
                var session = await SessionAsync(_ending.Token).ConfigureAwait(false);
                var sent = _clock.GetTimestamp();
                if (!await RenewAsync(session, _ending.Token).ConfigureAwait(false))
                {
                    await _lost.CancelAsync().ConfigureAwait(false);
                    await CloseAsync().ConfigureAwait(false);
                    return;
                }
                Volatile.Write(ref _renewedAt, sent);
                retry = TimeSpan.Zero;
                // Only after a renewal, which nobody else can make.
                if (!_isLocked) _isLocked = await LockAsync(session, _ending.Token).ConfigureAwait(false);
                // What holds it then nobody uses any more: a former owner's session, or its own of before a connection broke.
                if (!_isLocked) await EndOtherAsync(session, _ending.Token).ConfigureAwait(false);
                else _isAway = false;
                // That the session ends is noticed at once.
                await session.WaitAsync(_isLocked ? Pause : _retryAfter, _ending.Token).ConfigureAwait(false);
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
                await Task.Delay(retry, _clock, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                retry = _retryAfter;
            }
        }
    }

    private async Task<NpgsqlConnection> SessionAsync(CancellationToken cancellationToken)
    {
        if (_session?.State is not ConnectionState.Open) await CloseAsync().ConfigureAwait(false);
        return _session ??= await _sessions.ConnectAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask CloseAsync()
    {
        if (_session is { } session) await session.DisposeAsync().ConfigureAwait(false);
        (_session, _isLocked, _isAway) = (null, false, true);
    }
}
