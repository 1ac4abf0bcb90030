using Fanfare.Storage.Postgres.Leading;
using Npgsql;

namespace Fanfare.Storage.Postgres.Nodes;

/// <summary>A node as it was last seen.</summary>
/// <param name="Format">The newest that it reads.</param>
/// <param name="IsGone">Whether its lease has passed, or its session has been away for too long.</param>
internal sealed record SeenNode(long Term, string Address, bool IsLeaving, bool IsExpired, bool IsGone, int Format);

/// <summary>The lease of one of several nodes. Each renewal is a look at the others, too.</summary>
/// <param name="news">Called when something may have changed, with what was seen; must be quick and not throw.</param>
internal sealed class NodeLease(NpgsqlConnection session, NpgsqlDataSource sessions, Joined joined, long since, TimeProvider clock, Action<IReadOnlyList<SeenNode>> news)
    : SessionLease(session, isLocked: false, sessions, since, clock)
{
    /// <summary>How long the others are not judged after the session broke: what broke it may have broken theirs.</summary>
    private static readonly TimeSpan _grace = Length * 1.25;

    private readonly Dictionary<long, (long Since, double Until)> _absentSince = [];
    private long _log = joined.Log;
    private NpgsqlConnection? _listening;
    private long? _resumedAt;
    private IReadOnlyList<SeenNode> _seen = [];
    private volatile bool _isTold;
    private volatile int _format = 1;

    /// <summary>The newest format that may be written.</summary>
    public int Format => _format;

    public override long Log => Volatile.Read(ref _log);

    // What was told while it looked is looked at at once. Whose session is away is looked at again when it can be believed.
    protected override TimeSpan Pause => _isTold ? TimeSpan.FromMilliseconds(1) : _absentSince.Count > 0 && !IsInGrace ? LongestAway : base.Pause;

    protected override async Task<bool> RenewAsync(NpgsqlConnection session, CancellationToken cancellationToken)
    {
        await ListenAsync(session, cancellationToken).ConfigureAwait(false);
        var isTold = _isTold;
        _isTold = false;
        var rows = await Node.Sql.RowsAsync(session, "renew", row => (
            Term: row.GetInt64(0), Address: row.GetString(1), IsLeaving: row.GetBoolean(2), Left: row.GetDouble(3), Lives: row.GetBoolean(4), IsRenewed: row.GetBoolean(5), Log: row.GetInt64(6), Until: row.GetDouble(7),
            Reads: row.GetInt32(8), Format: row.GetInt32(9)),
            cancellationToken, joined.Term, Length).ConfigureAwait(false);
        if (rows.Find(row => row.Term == joined.Term) is not { IsRenewed: true, Log: var log } || log < Log) return false;
        Volatile.Write(ref _log, log);
        _format = rows[0].Format;
        var now = Clock.GetTimestamp();
        foreach (var term in _absentSince.Keys.Where(term => rows.TrueForAll(row => row.Term != term || row.Lives)).ToList()) _absentSince.Remove(term);
        foreach (var row in rows)
            // One that has renewed its lease since was back in between.
            if (!row.Lives && row.Term != joined.Term && (!_absentSince.TryGetValue(row.Term, out var absent) || absent.Until != row.Until)) _absentSince[row.Term] = (now, row.Until);
        var seen = rows.Select(row => new SeenNode(row.Term, row.Address, row.IsLeaving, row.Left <= 0 && row.Term != joined.Term, row.Term != joined.Term && !IsInGrace && (row.Left <= 0 || IsAbsent(row.Term)), row.Reads)).OrderBy(node => node.Term).ToList();
        var isNews = isTold || !seen.SequenceEqual(_seen) || seen.Exists(node => node.IsGone);
        _seen = seen;
        if (isNews) news(seen);
        return true;
    }

    // What was told before is not known.
    private async Task ListenAsync(NpgsqlConnection session, CancellationToken cancellationToken)
    {
        if (ReferenceEquals(_listening, session)) return;
        if (_listening is not null) _resumedAt = Clock.GetTimestamp();
        session.Notification += (_, _) => _isTold = true;
        await Node.Sql.ExecuteAsync(session, "listen", cancellationToken).ConfigureAwait(false);
        (_listening, _isTold) = (session, true);
    }

    protected override async Task<bool> LockAsync(NpgsqlConnection session, CancellationToken cancellationToken) =>
        (bool)(await Node.Sql.ScalarAsync(session, "lock", cancellationToken, joined.Term).ConfigureAwait(false))!;

    protected override Task EndOtherAsync(NpgsqlConnection session, CancellationToken cancellationToken) => Node.Sql.ExecuteAsync(session, "end_session", cancellationToken, joined.Term);

    protected override Task ReleaseAsync(NpgsqlConnection session) => Node.LeaveAsync(session, joined.Term);

    private bool IsInGrace => _resumedAt is { } at && Clock.GetElapsedTime(at) < _grace;

    private bool IsAbsent(long term) => _absentSince.TryGetValue(term, out var absent) && Clock.GetElapsedTime(absent.Since) >= LongestAway;
}
