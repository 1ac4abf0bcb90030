using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres.Leading;
using Npgsql;

namespace Fanfare.Storage.Postgres.Nodes;

/// <summary>What a node has that joined.</summary>
/// <param name="Term">The journal's when it joined: names the node.</param>
/// <param name="PositionBlock">A block of positions of its own.</param>
/// <param name="Log">How far the database's log had come.</param>
internal sealed record Joined(long Term, string Incarnation, long PositionBlock, long Log);

/// <summary>Shards that were claimed, and what comes with them.</summary>
/// <param name="Term">Since which they are owned.</param>
/// <param name="PositionBlock">Above all positions that their former owners used.</param>
internal sealed record Claimed(IReadOnlyList<int> Shards, long Term, long PositionBlock);

/// <summary>How nodes come, take shards, and go: each a transaction.</summary>
internal static class Node
{
    private static readonly SqlText _sql = SqlText.Load("postgres_nodes.sql");

    public static SqlText Sql => _sql;

    /// <summary>Adds a node. Null while another server leads alone.</summary>
    /// <param name="reads">The newest format that it reads.</param>
    /// <exception cref="JournalFormatException">A newer release wrote to the journal.</exception>
    public static async Task<Joined?> TryJoinAsync(NpgsqlConnection connection, string address, int reads, TimeSpan lease, JournalMark? mark, Action<string> log, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        if ((double)(await _sql.ScalarAsync(connection, "leader_left", cancellationToken).ConfigureAwait(false))! > 0) return null;
        var others = (long)(await Takeover.Sql.ScalarAsync(connection, "live_nodes", cancellationToken).ConfigureAwait(false))!;
        // What the others go on from is not to be doubted by who comes later: each of them sees for itself that the timeline has changed.
        var life = await JournalLife.ReadAsync(connection, reads, others > 0 ? null : mark, log, cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "end_leading", cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "end_leaders_writers", cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "forget_leaders_writers", cancellationToken).ConfigureAwait(false);
        if (life.IsNew)
        {
            await Takeover.Sql.ExecuteAsync(connection, "end_writers", cancellationToken).ConfigureAwait(false);
            await Takeover.Sql.ExecuteAsync(connection, "forget_writers", cancellationToken).ConfigureAwait(false);
            await Takeover.Sql.ExecuteAsync(connection, "forget_nodes", cancellationToken).ConfigureAwait(false);
        }
        // What it may write beside others, those that are late with their renewals among them, they agree upon later.
        var isAlone = (long)(await _sql.ScalarAsync(connection, "all_nodes", cancellationToken).ConfigureAwait(false))! == 0;
        var term = await life.RaiseTermAsync(connection, isAlone ? reads : 1, cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "join", cancellationToken, term, address, lease, reads).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "tell", cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return new Joined(term, life.Incarnation, await BlockAsync(connection, cancellationToken).ConfigureAwait(false), life.Log);
    }

    /// <summary>Lets a newer format be written, which all nodes read. False when one does not, or it may be already.</summary>
    public static async Task<bool> RaiseFormatAsync(NpgsqlConnection connection, int format, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        // Who joins locks the row, too.
        await Takeover.Sql.RowsAsync(connection, "journal", row => row.GetInt32(2), cancellationToken).ConfigureAwait(false);
        if (await _sql.ExecuteAsync(connection, "raise_format", cancellationToken, format).ConfigureAwait(false) == 0) return false;
        await _sql.ExecuteAsync(connection, "tell", cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Owner of each shard, 0 for none, and since which term.</summary>
    public static Task<List<(int Shard, long Node, long Term)>> MapAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        _sql.RowsAsync(connection, "map", row => (row.GetInt32(0), row.GetInt64(1), row.GetInt64(2)), cancellationToken);

    /// <summary>Takes those of the shards that nobody owns. Null when the node itself was put out.</summary>
    public static async Task<Claimed?> ClaimAsync(NpgsqlConnection connection, long node, IReadOnlyList<int> shards, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        if (await _sql.ScalarAsync(connection, "hold", cancellationToken, node).ConfigureAwait(false) is null) return null;
        var term = (long)(await _sql.ScalarAsync(connection, "next_term", cancellationToken).ConfigureAwait(false))!;
        var claimed = await _sql.RowsAsync(connection, "claim", row => row.GetInt32(0), cancellationToken, node, term, Numbers(shards)).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "tell", cancellationToken).ConfigureAwait(false);
        var block = await BlockAsync(connection, cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return new Claimed(claimed, term, block);
    }

    /// <summary>Leaves shards to others. Nothing of them may be on its way to the database.</summary>
    public static async Task ReleaseAsync(NpgsqlConnection connection, long node, IReadOnlyList<int> shards, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "release", cancellationToken, node, Numbers(shards)).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "tell", cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says that a node is about to leave: it gives its shards away, and takes none. Or that it stays after all.</summary>
    public static async Task LeaveSoonAsync(NpgsqlConnection connection, long node, bool isLeaving, CancellationToken cancellationToken)
    {
        await _sql.ExecuteAsync(connection, "leave_soon", cancellationToken, node, isLeaving).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "tell", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes a node that writes nothing any more.</summary>
    public static async Task LeaveAsync(NpgsqlConnection connection, long node)
    {
        await using var transaction = await connection.BeginTransactionAsync().ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "leave", CancellationToken.None, node).ConfigureAwait(false);
        await EndAsync(connection, node, CancellationToken.None).ConfigureAwait(false);
        await transaction.CommitAsync().ConfigureAwait(false);
    }

    /// <summary>Puts out a node whose lease has passed, or whose session is gone: from then on nothing that it sends is written, and its shards are free. False when it lives after all.</summary>
    public static Task<bool> PutOutAsync(NpgsqlConnection connection, SeenNode node, CancellationToken cancellationToken) =>
        PutOutAsync(connection, node.Term, () => _sql.ExecuteAsync(connection, "put_out", cancellationToken, node.Term, !node.IsExpired), cancellationToken);

    /// <summary>Puts out a node that is known to be gone for other reasons than what the database sees of it. False when there is none of this address.</summary>
    public static async Task<bool> PutOutAsync(NpgsqlConnection connection, string address, CancellationToken cancellationToken) =>
        await _sql.ScalarAsync(connection, "named", cancellationToken, address).ConfigureAwait(false) is long term
        && await PutOutAsync(connection, term, () => _sql.ExecuteAsync(connection, "put_out_anyway", cancellationToken, term), cancellationToken).ConfigureAwait(false);

    private static async Task<bool> PutOutAsync(NpgsqlConnection connection, long term, Func<Task<int>> delete, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        if (await delete().ConfigureAwait(false) == 0) return false;
        await EndAsync(connection, term, cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static async Task EndAsync(NpgsqlConnection connection, long node, CancellationToken cancellationToken)
    {
        await _sql.ExecuteAsync(connection, "end_session", cancellationToken, node).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "end_writers", cancellationToken, node).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "forget_writers", cancellationToken, node).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "free", cancellationToken, node).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "tell", cancellationToken).ConfigureAwait(false);
    }

    private static async Task<long> BlockAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        (long)(await Takeover.Sql.ScalarAsync(connection, "position_block", cancellationToken).ConfigureAwait(false))!;

    private static short[] Numbers(IReadOnlyList<int> shards) => [.. shards.Select(shard => (short)shard)];
}
