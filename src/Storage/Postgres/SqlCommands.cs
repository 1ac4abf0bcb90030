using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres;

/// <summary>Runs single statements by their name.</summary>
internal static class SqlCommands
{
    public static NpgsqlCommand Command(this SqlText sql, NpgsqlConnection connection, string name, params object[] values)
    {
        var command = new NpgsqlCommand(sql[name], connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    /// <summary>Returns how many rows it changed.</summary>
    public static async Task<int> ExecuteAsync(this SqlText sql, NpgsqlConnection connection, string name, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = sql.Command(connection, name, values);
        return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns the first value; null when there is no row.</summary>
    public static async Task<object?> ScalarAsync(this SqlText sql, NpgsqlConnection connection, string name, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = sql.Command(connection, name, values);
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
    }

    public static async Task<List<T>> RowsAsync<T>(this SqlText sql, NpgsqlConnection connection, string name, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = sql.Command(connection, name, values);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) rows.Add(read(reader));
        return rows;
    }
}
