using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Leading;
using Fanfare.Storage.Postgres.Nodes;
using Fanfare.Storage.Postgres.Read;
using Fanfare.Storage.Postgres.Retain;
using Fanfare.Storage.Postgres.Write;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>The journal and read model in a PostgreSQL database: all of it for the server that leads, or its shards for one of several nodes.</summary>
public sealed class PostgresStore : IStore
{
    /// <summary>Connections that commit: while one waits for its flush, another is filled.</summary>
    private const int Writers = 2;

    private readonly NpgsqlDataSource _reads, _writes;
    private readonly PostgresJournal _journal;
    private readonly SessionLease _lease;
    private readonly MarkKeeper? _mark;
    private readonly UpkeepConnection _upkeep;

    private PostgresStore(
        PostgresSessions sessions, string incarnation, long term, IOwnership ownership, Func<int> format, Func<bool> marks, long positionBlock, Func<int, WriterSlot> slot, SessionLease lease, MarkPlace place, TimeProvider clock, Action<string> log,
        Func<StreamId, CancellationToken, Task<long>>? elsewhere = null)
    {
        (_reads, _writes, _lease) = (sessions.Readers(isShared: elsewhere is not null), sessions.Writers(), lease);
        _journal = new PostgresJournal(incarnation, ownership, format, positionBlock, _reads, _writes, Enumerable.Range(0, Writers).Select(slot), sessions.Place, clock, log, lease.Lost);
        _upkeep = new UpkeepConnection(slot(Writers), _writes);
        Retention = new PostgresRetention(_upkeep, _reads, _journal.Forget);
        ReadModel = new PostgresReadModel(_reads, (run, cancellationToken) => elsewhere is null || ownership.TermOf(ownership.ShardOf(run)) > 0 ? new(_journal.Position) : new(elsewhere(run, cancellationToken)));
        StorageInstruments.TenureBegan(lease.Lost);
        // One that was succeeded has nothing to note any more.
        _mark = place.Keep(() => new JournalMark(incarnation, term, lease.Log), () => Leads && marks());
    }

    public IJournal Journal => _journal;

    public IReadModel ReadModel { get; }

    public IRetention Retention { get; }

    /// <summary>Whether no other server can own now what this one does.</summary>
    public bool Leads => _lease.IsHeld;

    public CancellationToken Deposed => _lease.Lost;

    internal PostgresJournal Writes => _journal;

    internal static PostgresStore OfLeader(PostgresSessions sessions, Takeover won, LeaderLease lease, MarkPlace place, TimeProvider clock, Action<string> log) => new(
        sessions, won.Incarnation, won.Term, new SoleOwnership(won.Term, isDivided: true), () => JournalFormat.Version, () => true, won.PositionBlock, slot => WriterSlot.OfLeader(slot, won.Term), lease, place, clock, log);

    // Of several nodes one notes the mark.
    internal static PostgresStore OfNode(
        PostgresSessions sessions, Joined joined, SharedOwnership shards, NodeLease lease, MarkPlace place, TimeProvider clock, Action<string> log, Func<StreamId, CancellationToken, Task<long>> elsewhere) => new(
        sessions, joined.Incarnation, joined.Term, shards, () => lease.Format, () => shards.TermOf(0) > 0, joined.PositionBlock, slot => WriterSlot.OfNode(slot, joined.Term), lease, place, clock, log, elsewhere);

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
