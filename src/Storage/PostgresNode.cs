using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Leading;
using Fanfare.Storage.Postgres.Nodes;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>One of several servers that own a journal in PostgreSQL together, each some of its shards. It takes shards that nobody owns and that fall to it, gives away what falls to
/// another, and puts out who hangs or was killed.</summary>
public sealed class PostgresNode : IAsyncDisposable
{
    private static readonly TimeSpan _retryAfter = TimeSpan.FromMilliseconds(250), _leaveWithin = TimeSpan.FromSeconds(5);

    /// <summary>How many shards a node that lives gives away at a time. The next ones follow when these are taken, and they are taken when those before are awake: so what moves waits for its own slice alone, and not for all that moves,
    /// however long the new owner takes to wake it.</summary>
    private const int Slice = 64;

    /// <summary>How long either waits for the other at most.</summary>
    private static readonly TimeSpan _waitForSlice = TimeSpan.FromSeconds(1);

    private readonly NpgsqlDataSource _control, _sessions;
    private readonly SharedOwnership _owned = new();
    private IShardHost? _host;
    private readonly Action<string> _log;
    private readonly Joined _joined;
    private readonly string _address;
    private readonly NodeLease _lease;
    private readonly TimeSpan _agreeAfter;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _news = new(0);
    private Task _tending = Task.CompletedTask;
    private volatile IReadOnlyList<SeenNode> _seen = [];
    private volatile string?[] _addresses = new string?[Shards.Count];
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isLeaving;
    private long? _knownSince;
    private Task _waking = Task.CompletedTask;
    private long _claimedAt, _gaveAt;
    private bool _isWaiting;

    private PostgresNode(PostgresSessions sessions, NpgsqlDataSource control, NpgsqlDataSource unpooled, NpgsqlConnection session, Joined joined, string address, long since, MarkPlace marks, TimeSpan agreeAfter, TimeProvider clock, Action<string> log)
    {
        (_control, _sessions, _joined, _address, _agreeAfter, _clock, _log) = (control, unpooled, joined, address, agreeAfter, clock, log);
        _lease = new NodeLease(session, unpooled, joined, since, clock, Hear);
        Store = PostgresStore.OfNode(sessions, joined, _owned, _lease, marks, clock, log, PositionElsewhereAsync);
        _lease.Start();
    }

    /// <summary>The journal and the read model: all can be read, and what lies in <see cref="Owned"/> written. <see cref="PostgresStore.Deposed"/> is cancelled when the node was put out: then it
    /// is to be disposed of, and may join anew.</summary>
    public PostgresStore Store { get; }

    /// <summary>The shards that are this node's now.</summary>
    public IReadOnlyList<int> Owned => _owned.Shards;

    /// <summary>The newest format in which events may be written: no node of an older release has lived for a while, and none can join any more. It never falls.</summary>
    public int Format => _lease.Format;

    /// <summary>Addresses of the nodes that live, this one's among them, as they were last seen.</summary>
    public IReadOnlyCollection<string> Live => [.. _seen.Where(node => !node.IsGone).Select(node => node.Address)];

    /// <summary>Brings the schema up to date, and joins; waits while another server leads alone. It owns nothing until it is started.</summary>
    /// <param name="connectionString">Npgsql's, as for <see cref="PostgresElection.JoinAsync"/>.</param>
    /// <param name="address">Where the others reach it, different from theirs.</param>
    /// <param name="log">Takes one sentence for the operator; called on any thread, must not throw.</param>
    /// <param name="marks">Where nodes note how far the journal has come; null for nowhere.</param>
    /// <exception cref="StoreUnavailableException">The database cannot be reached or used; the message says what to do.</exception>
    /// <exception cref="JournalFormatException">A newer release wrote it.</exception>
    public static Task<PostgresNode> JoinAsync(
        string connectionString, string address, TimeProvider clock, Action<string>? log = null, IBlobStore? marks = null, CancellationToken cancellationToken = default) =>
        JoinAsync(connectionString, address, JournalFormat.Version, TimeSpan.FromMinutes(10), clock, log, marks, cancellationToken);

    /// <param name="reads">The newest format that it reads.</param>
    /// <param name="agreeAfter">How long all that live must have known a format before it is written. An older release that is down for a moment can come back until then.</param>
    internal static async Task<PostgresNode> JoinAsync(
        string connectionString, string address, int reads, TimeSpan agreeAfter, TimeProvider clock, Action<string>? log, IBlobStore? marks = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        ArgumentNullException.ThrowIfNull(clock);
        log ??= _ => { };
        var sessions = new PostgresSessions(connectionString);
        await PostgresDatabase.MigrateAsync(sessions, cancellationToken).ConfigureAwait(false);
        var (control, unpooled, place) = (sessions.Control(SessionLease.Length), sessions.StandBy(SessionLease.Length), new MarkPlace(marks, clock, log));
        NpgsqlConnection? session = null;
        try
        {
            session = await unpooled.ConnectAsync(cancellationToken).ConfigureAwait(false);
            while (true)
            {
                var since = clock.GetTimestamp();
                var mark = await place.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (await Node.TryJoinAsync(session, address, reads, SessionLease.Length, mark, log, cancellationToken).ConfigureAwait(false) is { } joined)
                    return new PostgresNode(sessions, control, unpooled, session, joined, address, since, place, agreeAfter, clock, log);
                await Task.Delay(_retryAfter, clock, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception error)
        {
            if (session is not null) await session.DisposeAsync().ConfigureAwait(false);
            await unpooled.DisposeAsync().ConfigureAwait(false);
            await control.DisposeAsync().ConfigureAwait(false);
            if (PostgresFailure.IsEnvironment(error)) throw new StoreUnavailableException(PostgresFailure.CannotReach(error, sessions.Place), error);
            throw;
        }
    }

    /// <summary>Begins to take shards.</summary>
    /// <param name="host">Told of those that come and go.</param>
    public void Start(IShardHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _tending = Task.Run(TendAsync);
    }

    /// <summary>Address of the node that owns a shard, as it was last seen; null for none.</summary>
    public string? AddressOf(int shard) => _addresses[shard];

    /// <summary>Completes when what <see cref="AddressOf"/> says has changed since this was asked for.</summary>
    public Task ChangedAsync() => _changed.Task;

    /// <summary>Gives all shards to other nodes, and takes none as long as one of them lives; reads go on. False when there is no other, or when they did not take them within some seconds.</summary>
    public async Task<bool> StandAsideAsync(CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_leaveWithin);
        if (Store.Deposed.IsCancellationRequested || !_seen.Any(IsHeir)) return false;
        _isLeaving = true;
        try
        {
            await TellAsync(isLeaving: true, limit.Token).ConfigureAwait(false);
            for (var (changed, left) = (ChangedAsync(), _owned.Shards.Count); left > 0 && !Store.Deposed.IsCancellationRequested && _seen.Any(IsHeir); changed = ChangedAsync())
            {
                _news.Release();
                await changed.WaitAsync(limit.Token).ConfigureAwait(false);
                // They go in slices: as long as some go, the others do.
                if (_owned.Shards.Count < left) limit.CancelAfter(_leaveWithin);
                left = _owned.Shards.Count;
            }
        }
        catch (Exception error) when ((error is OperationCanceledException && !cancellationToken.IsCancellationRequested) || PostgresFailure.IsEnvironment(error))
        {
            // Said below.
        }
        return _owned.Shards.Count == 0;
    }

    /// <summary>Puts out another node, which its fellows cannot reach though the database does: from then on nothing that it sends is written, and its shards are free. False when it is not there, or this node itself
    /// was put out.</summary>
    /// <exception cref="NpgsqlException">The database does not answer.</exception>
    public async Task<bool> PutOutAsync(string address, CancellationToken cancellationToken)
    {
        if (address == _address || !Store.Leads) return false;
        var connection = await _control.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var returned = connection.ConfigureAwait(false);
        return await Node.PutOutAsync(connection, address, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes shards again after <see cref="StandAsideAsync"/>.</summary>
    public async Task ComeBackAsync(CancellationToken cancellationToken)
    {
        _isLeaving = false;
        await TellAsync(isLeaving: false, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives all shards to other nodes, if there are any, writes what is queued, and goes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ending.IsCancellationRequested) return;
        // What it does not get rid of, the others find free when its row is gone.
        await StandAsideAsync().ConfigureAwait(false);
        await _ending.CancelAsync().ConfigureAwait(false);
        await _tending.ConfigureAwait(false);
        if (_host is not null) await _host.LosingAsync(_owned.Shards).ConfigureAwait(false);
        await Store.DisposeAsync().ConfigureAwait(false);
        await _sessions.DisposeAsync().ConfigureAwait(false);
        await _control.DisposeAsync().ConfigureAwait(false);
        _ending.Dispose();
        _news.Dispose();
    }

    private bool IsHeir(SeenNode node) => node.Term != _joined.Term && !node.IsGone && !node.IsLeaving;

    private void Hear(IReadOnlyList<SeenNode> seen)
    {
        _seen = seen;
        _news.Release();
    }

    private async Task TellAsync(bool isLeaving, CancellationToken cancellationToken)
    {
        var connection = await _control.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var returned = connection.ConfigureAwait(false);
        await Node.LeaveSoonAsync(connection, _joined.Term, isLeaving, cancellationToken).ConfigureAwait(false);
    }

    private async Task TendAsync()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token, Store.Deposed);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await _news.WaitAsync(_isWaiting ? _retryAfter : _knownSince is null ? Timeout.InfiniteTimeSpan : _agreeAfter, stop.Token).ConfigureAwait(false);
                await TendOnceAsync(stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception error)
            {
                if (!PostgresFailure.IsEnvironment(error)) _log($"The shards of {_address} could not be tended, which is tried again: {error.Message}");
                await Task.Delay(_retryAfter, _clock, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                _news.Release();
            }
        }
    }

    private async Task TendOnceAsync(CancellationToken cancellationToken)
    {
        var seen = _seen;
        var connection = await _control.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var returned = connection.ConfigureAwait(false);
        foreach (var gone in seen.Where(node => node.IsGone))
            if (await Node.PutOutAsync(connection, gone, cancellationToken).ConfigureAwait(false)) PutOut(gone);
        var map = await Node.MapAsync(connection, cancellationToken).ConfigureAwait(false);
        // Who leaves keeps what nobody else could take.
        var heirs = seen.Where(node => IsHeir(node) || (node.Term == _joined.Term && !_isLeaving)).Select(node => (node.Term, node.Address)).ToList();
        // Of all that stand aside each takes what it can get.
        if (heirs.Count == 0 && seen.Count > 0 && !_ending.IsCancellationRequested) heirs = [(_joined.Term, _address)];
        map = await ShareAsync(connection, map, Rendezvous.Assign(heirs), cancellationToken).ConfigureAwait(false);
        Publish(map, seen);
        await AgreeAsync(connection, seen, cancellationToken).ConfigureAwait(false);
    }

    private async Task AgreeAsync(NpgsqlConnection connection, IReadOnlyList<SeenNode> seen, CancellationToken cancellationToken)
    {
        var known = seen.Select(node => node.Format).DefaultIfEmpty(0).Min();
        if (known <= Format) _knownSince = null;
        else if (_knownSince is not { } since) _knownSince = _clock.GetTimestamp();
        else if (_clock.GetElapsedTime(since) >= _agreeAfter && await Node.RaiseFormatAsync(connection, known, cancellationToken).ConfigureAwait(false))
            _log($"All servers read events of format {known}, so it is written from now on. Servers of releases that do not cannot join any more.");
    }

    private void PutOut(SeenNode gone)
    {
        _log($"The server {gone.Address} was put out: {(gone.IsExpired ? "it did not renew its lease" : "its session ended")}.");
        _host!.PutOut(gone.Address);
    }

    private Task<long> PositionElsewhereAsync(StreamId run, CancellationToken cancellationToken) => (_host ?? throw RefusedException.Moved(run)).PositionAsync(run, cancellationToken);

    private async Task<List<(int Shard, long Node, long Term)>> ShareAsync(NpgsqlConnection connection, List<(int Shard, long Node, long Term)> map, long?[] desired, CancellationToken cancellationToken)
    {
        // Of a claim or a release that was not answered.
        var lost = map.Where(each => each.Node == _joined.Term && _owned.TermOf(each.Shard) == 0).Select(each => each.Shard).ToList();
        if (lost.Count > 0)
        {
            await Node.ReleaseAsync(connection, _joined.Term, lost, cancellationToken).ConfigureAwait(false);
            map = await Node.MapAsync(connection, cancellationToken).ConfigureAwait(false);
        }
        var losing = _owned.Shards.Where(shard => desired[shard] != _joined.Term).ToList();
        var free = map.Where(each => each.Node == 0 && desired[each.Shard] == _joined.Term).Select(each => each.Shard).ToList();
        var isPassing = map.Exists(each => each.Node == 0 && desired[each.Shard] is { } heir && heir != _joined.Term);
        _isWaiting = losing.Count > Slice || isPassing || !_waking.IsCompleted;
        if (isPassing && _clock.GetElapsedTime(_gaveAt) < _waitForSlice) losing.Clear();
        if (!_waking.IsCompleted && _clock.GetElapsedTime(_claimedAt) < _waitForSlice) free.Clear();
        if (losing.Count > 0)
        {
            losing = [.. losing.Take(Slice)];
            _gaveAt = _clock.GetTimestamp();
            await LoseAsync(losing, cancellationToken).ConfigureAwait(false);
            await Node.ReleaseAsync(connection, _joined.Term, losing, cancellationToken).ConfigureAwait(false);
        }
        if (free.Count > 0 && await Node.ClaimAsync(connection, _joined.Term, free, cancellationToken).ConfigureAwait(false) is { Shards.Count: > 0 } claimed)
        {
            Store.Writes.BeginAt(claimed.PositionBlock);
            foreach (var shard in claimed.Shards) _owned.Take(shard, claimed.Term);
            _claimedAt = _clock.GetTimestamp();
            _waking = Task.WhenAll(_waking, await _host!.GainedAsync(claimed.Shards).ConfigureAwait(false));
            _ = _waking.ContinueWith(_ => _news.Release(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        return losing.Count + free.Count == 0 ? map : await Node.MapAsync(connection, cancellationToken).ConfigureAwait(false);
    }

    private async Task LoseAsync(IReadOnlyList<int> shards, CancellationToken cancellationToken)
    {
        await _host!.LosingAsync(shards).ConfigureAwait(false);
        await Store.Writes.SettledAsync(cancellationToken).ConfigureAwait(false);
        foreach (var shard in shards) _owned.Leave(shard);
        // What a host gave that was told not to is refused, or on its way.
        await Store.Writes.SettledAsync(cancellationToken).ConfigureAwait(false);
    }

    private void Publish(List<(int Shard, long Node, long Term)> map, IReadOnlyList<SeenNode> seen)
    {
        var byTerm = seen.ToDictionary(node => node.Term, node => node.Address);
        var addresses = new string?[Shards.Count];
        foreach (var (shard, node, _) in map) addresses[shard] = byTerm.GetValueOrDefault(node);
        if (addresses.AsSpan().SequenceEqual(_addresses)) return;
        _addresses = addresses;
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }
}
