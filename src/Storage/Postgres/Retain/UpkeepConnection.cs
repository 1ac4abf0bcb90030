using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres.Write;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres.Retain;

/// <summary>A connection that writes beside those that commit appends, under the same fence: it has a row in <c>writers</c>, which a takeover removes, and the
/// session behind which it ends. What is sent over it can be repeated, so a COMMIT that was not answered is simply sent again. One caller at a time.</summary>
internal sealed class UpkeepConnection(WriterSlot slot, NpgsqlDataSource connections) : IAsyncDisposable
{
    private const string ConditionBroken = "FAN01";

    private static readonly SqlText _sql = SqlText.Load("postgres_write.sql");

    private readonly SemaphoreSlim _turn = new(1);
    private NpgsqlConnection? _connection;
    private long _session, _batch;
    private int _disposed;

    /// <summary>Runs the statements as one transaction, in one network write. Returns the rows of those that have any, and how many rows each statement changed or returned.</summary>
    /// <exception cref="InvalidOperationException">Another server leads: nothing was written.</exception>
    public async Task<(List<T> Rows, long[] Affected)> RunAsync<T>(Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params UpkeepStatement[] statements)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                var connection = _connection ??= await ConnectAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    return await RunAsync(connection, read, statements, cancellationToken).ConfigureAwait(false);
                }
                catch (PostgresException error) when (error.SqlState == ConditionBroken)
                {
                    // Deposed, which the next claim tells; or a claim took effect whose answer was lost.
                    await CloseAsync().ConfigureAwait(false);
                }
                catch
                {
                    await CloseAsync().ConfigureAwait(false);
                    throw;
                }
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The same, where no statement returns rows.</summary>
    public async Task<long[]> RunAsync(CancellationToken cancellationToken, params UpkeepStatement[] statements) =>
        (await RunAsync(_ => 0, cancellationToken, statements).ConfigureAwait(false)).Affected;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _turn.WaitAsync().ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        _turn.Dispose();
    }

    private async Task<(List<T>, long[])> RunAsync<T>(NpgsqlConnection connection, Func<NpgsqlDataReader, T> read, UpkeepStatement[] statements, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Own());
        foreach (var statement in statements) batch.BatchCommands.Add(statement.ToCommand());
        var rows = new List<T>();
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false))
        {
            // The first result is the fence's.
            while (await reader.NextResultAsync(cancellationToken).ConfigureAwait(false))
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) rows.Add(read(reader));
        }
        return (rows, [.. Enumerable.Range(1, statements.Length).Select(i => (long)batch.BatchCommands[i].RecordsAffected)]);
    }

    private NpgsqlBatchCommand Own() => new(_sql["own"])
    {
        Parameters =
        {
            new NpgsqlParameter<long> { TypedValue = ++_batch },
            new NpgsqlParameter<int> { TypedValue = slot.Number },
            new NpgsqlParameter<long> { TypedValue = _session },
        },
    };

    private async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var connection = await connections.ConnectAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await using (var end = Command(connection, slot.EndFormer)) await end.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            await using var claim = Command(connection, slot.Claim);
            await using var claimed = await claim.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            if (!await claimed.ReadAsync(cancellationToken).ConfigureAwait(false)) throw new InvalidOperationException(new DeposedException().Message);
            (_session, _batch) = (claimed.GetInt64(0), claimed.GetInt64(1));
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private NpgsqlCommand Command(NpgsqlConnection connection, string name) => new(_sql[name], connection)
    {
        Parameters = { new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Integer, Value = slot.Number }, new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bigint, Value = slot.Term } },
    };

    private async Task CloseAsync()
    {
        if (_connection is not { } connection) return;
        _connection = null;
        await connection.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>A statement with its values. A command is made of it for each try: it remembers as what it was prepared, on which connection.</summary>
internal readonly record struct UpkeepStatement(string Sql, object[] Values)
{
    public NpgsqlBatchCommand ToCommand()
    {
        var command = new NpgsqlBatchCommand(Sql);
        foreach (var value in Values) command.Parameters.Add(new NpgsqlParameter { Value = value is int number ? (long)number : value });
        return command;
    }
}
