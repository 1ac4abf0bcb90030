using Npgsql;

namespace Fanfare.Storage.Postgres.Leading;

/// <summary>The lease of a server that leads.</summary>
internal sealed class LeaderLease(NpgsqlConnection session, NpgsqlDataSource sessions, Takeover takeover, long since, TimeProvider clock)
    : SessionLease(session, takeover.IsLocked, sessions, since, clock)
{
    private long _log = takeover.Log;

    public override long Log => Volatile.Read(ref _log);

    // Another server has taken over; or the database went back in time, and is to be taken over anew.
    protected override async Task<bool> RenewAsync(NpgsqlConnection session, CancellationToken cancellationToken)
    {
        if (await Takeover.Sql.ScalarAsync(session, "renew", cancellationToken, takeover.Term, Length).ConfigureAwait(false) is not long log || log < Log) return false;
        Volatile.Write(ref _log, log);
        return true;
    }

    protected override Task<bool> LockAsync(NpgsqlConnection session, CancellationToken cancellationToken) => Takeover.LockAsync(session, cancellationToken);

    protected override Task EndOtherAsync(NpgsqlConnection session, CancellationToken cancellationToken) => Takeover.Sql.ExecuteAsync(session, "end_leader", cancellationToken);

    protected override Task ReleaseAsync(NpgsqlConnection session) => Takeover.Sql.ExecuteAsync(session, "release", CancellationToken.None, takeover.Term);
}
