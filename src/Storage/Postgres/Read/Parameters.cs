using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres.Read;

/// <summary>Adds a statement's parameters in their order.</summary>
internal static class Parameters
{
    public static NpgsqlCommand With(this NpgsqlCommand command, string? value) => command.With(NpgsqlDbType.Text, HeldText.OfNullable(value));

    public static NpgsqlCommand With(this NpgsqlCommand command, long value)
    {
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = value });
        return command;
    }

    public static NpgsqlCommand With(this NpgsqlCommand command, int value)
    {
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = value });
        return command;
    }

    public static NpgsqlCommand With(this NpgsqlCommand command, short? value) => command.With(NpgsqlDbType.Smallint, value);

    public static NpgsqlCommand With(this NpgsqlCommand command, int? value) => command.With(NpgsqlDbType.Integer, value);

    public static NpgsqlCommand With(this NpgsqlCommand command, bool? value) => command.With(NpgsqlDbType.Boolean, value);

    public static NpgsqlCommand With(this NpgsqlCommand command, string[] values) => command.With(NpgsqlDbType.Array | NpgsqlDbType.Text, Array.ConvertAll(values, value => HeldText.OfNullable(value)!));

    public static NpgsqlCommand With(this NpgsqlCommand command, int[] values) => command.With(NpgsqlDbType.Array | NpgsqlDbType.Integer, values);

    public static NpgsqlCommand With(this NpgsqlCommand command, long[] values) => command.With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, values);

    public static NpgsqlCommand With(this NpgsqlCommand command, short[]? values) => command.With(NpgsqlDbType.Array | NpgsqlDbType.Smallint, values);

    private static NpgsqlCommand With(this NpgsqlCommand command, NpgsqlDbType type, object? value)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type, Value = value ?? DBNull.Value });
        return command;
    }
}
