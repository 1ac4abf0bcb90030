using System.Diagnostics;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres.Read;

/// <summary>Runs one statement at a time, each on a connection of the pool, and again on a new one when the failure may pass.</summary>
internal sealed class ReadQueries(NpgsqlDataSource source)
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(50), _longestPause = TimeSpan.FromSeconds(1);

    private static readonly SqlText _sql = SqlText.Load("postgres_read.sql");

    /// <summary>How long a query is tried again, and how long it waits for what is about to be.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(5);

    public static SqlText Sql => _sql;

    public NpgsqlDataSource Source => source;

    /// <summary>The first row; the default when there is none.</summary>
    public async Task<T?> OneAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        var rows = await AllAsync(command, read, cancellationToken).ConfigureAwait(false);
        return rows.Count > 0 ? rows[0] : default;
    }

    /// <summary>All rows, which the statement bounds; the command is used up, or copies of it are: one that failed while it was sent still counts as about to be prepared,
    /// and on another connection would wait for answers that do not come, and leave them to whoever has that connection next (seen with Npgsql 10.0.0).</summary>
    /// <exception cref="StoreUnavailableException">The database did not answer within the patience.</exception>
    /// <exception cref="JournalFormatException">What was read is nothing that was ever written.</exception>
    public async Task<List<T>> AllAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        using var used = command;
        var started = Stopwatch.GetTimestamp();
        var pause = _firstPause;
        while (true)
        {
            try
            {
                using var tried = command.Clone();
                return await RunAsync(tried, read, cancellationToken).ConfigureAwait(false);
            }
            catch (NpgsqlException failure) when (PostgresFailure.IsPassing(failure) && Stopwatch.GetElapsedTime(started) + pause < Patience)
            {
                // After a restart of the server all idle connections are dead, and each would cost a try.
                if (PostgresFailure.IsBroken(failure)) source.Clear();
            }
            catch (NpgsqlException failure) when (PostgresFailure.IsPassing(failure) || PostgresFailure.IsRefusal(failure))
            {
                throw PostgresFailure.Unavailable(source, failure);
            }
            catch (NpgsqlException failure) when (PostgresFailure.IsDamage(failure))
            {
                throw new JournalFormatException($"The {PostgresFailure.Place(source)} is damaged: {failure.Message} Restore it from a backup.", failure);
            }
            catch (Exception error) when (error is JsonException or OverflowException or IndexOutOfRangeException or InvalidCastException)
            {
                // Every row was written from what the types hold: one that does not fit them was damaged since.
                throw new JournalFormatException($"A row of the journal in the {PostgresFailure.Place(source)} cannot be read: {error.Message} It is damaged; restore the database from a backup.", error);
            }
            await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
            pause = pause * 2 < _longestPause ? pause * 2 : _longestPause;
        }
    }

    private async Task<List<T>> RunAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        var connection = await source.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var returned = connection.ConfigureAwait(false);
        command.Connection = connection;
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var closed = reader.ConfigureAwait(false);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) rows.Add(read(reader));
        return rows;
    }
}
