using System.Buffers;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres.Read;

/// <summary>Adds a statement's parameters in their order.</summary>
internal static class Parameters
{
    /// <summary>A text that PostgreSQL cannot hold was never written; as null it equals nothing.</summary>
    public static NpgsqlCommand With(this NpgsqlCommand command, string? value) => command.With(NpgsqlDbType.Text, value is not null && CanBeHeld(value) ? value : null);

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

    public static NpgsqlCommand With(this NpgsqlCommand command, int[] values) => command.With(NpgsqlDbType.Array | NpgsqlDbType.Integer, values);

    /// <summary>A NUL or half a surrogate pair is no text to PostgreSQL.</summary>
    public static bool CanBeHeld(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal)) return false;
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var length) != OperationStatus.Done) return false;
            rest = rest[length..];
        }
        return true;
    }

    private static NpgsqlCommand With(this NpgsqlCommand command, NpgsqlDbType type, object? value)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type, Value = value ?? DBNull.Value });
        return command;
    }
}
