using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Leading;
using Fanfare.Storage.Postgres.Read;
using Fanfare.Storage.Postgres.Retain;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>The journal and read model in a PostgreSQL database, for the server that leads.</summary>
public sealed class PostgresStore : IStore
{
    /// <summary>Connections that commit: while one waits for its flush, another is filled.</summary>
    private const int Writers = 2;

    private readonly NpgsqlDataSource _reads, _writes;
    private readonly PostgresJournal _journal;
    private readonly LeaderLease _lease;
    private readonly MarkKeeper? _mark;
    private readonly UpkeepConnection _upkeep;

    internal PostgresStore(PostgresSessions sessions, Takeover takeover, LeaderLease lease, IBlobStore? marks, TimeProvider clock, Action<string> log)
    {
        (_reads, _writes, _lease) = (sessions.Readers(), sessions.Writers(), lease);
        _journal = new PostgresJournal(takeover, _reads, _writes, Writers, sessions.Place, clock, log, lease.Lost);
        _upkeep = new UpkeepConnection(slot: Writers, _writes, takeover.Term);
        Retention = new PostgresRetention(_upkeep, _reads, _journal.Forget);
        ReadModel = new PostgresReadModel(_reads, () => _journal.Position);
        if (marks is not null) _mark = new MarkKeeper(() => new JournalMark(takeover.Incarnation, takeover.Term, lease.Log), mark => NoteAsync(marks, mark), clock, log);
    }

    public IJournal Journal => _journal;

    public IReadModel ReadModel { get; }

    public IRetention Retention { get; }

    public bool Leads => _lease.IsHeld;

    public CancellationToken Deposed => _lease.Lost;

    // The mark is the leader's: one that was succeeded has nothing to note any more.
    private async Task NoteAsync(IBlobStore marks, JournalMark mark)
    {
        if (!Leads) return;
        var content = new MemoryStream(mark.Write());
        await using var closed = content.ConfigureAwait(false);
        await marks.PutAsync(BlobNames.JournalMark, content, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Writes what is queued, closes the connections, and lets another server lead.</summary>
    public async ValueTask DisposeAsync()
    {
        await _upkeep.DisposeAsync().ConfigureAwait(false);
        await _journal.DisposeAsync().ConfigureAwait(false);
        await _lease.DisposeAsync().ConfigureAwait(false);
        if (_mark is not null) await _mark.DisposeAsync().ConfigureAwait(false);
        await _reads.DisposeAsync().ConfigureAwait(false);
        await _writes.DisposeAsync().ConfigureAwait(false);
    }
}
