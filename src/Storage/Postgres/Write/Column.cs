using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres.Write;

/// <summary>One column of the rows in a batch, and the parameters that it travels in.</summary>
internal abstract class Column
{
    public abstract int Count { get; }

    public abstract void Clear();

    /// <summary>A parameter that holds the whole column, also what is added to it later.</summary>
    public abstract NpgsqlParameter All();

    /// <summary>A parameter for one row's value.</summary>
    public abstract NpgsqlParameter One();

    /// <param name="parameter">Made by <see cref="One"/>.</param>
    public abstract void Put(int row, NpgsqlParameter parameter);
}

internal class Column<T>(NpgsqlDbType type) : Column
{
    public List<T> Values { get; } = [];

    public override int Count => Values.Count;

    public override void Clear() => Values.Clear();

    public override NpgsqlParameter All() => new NpgsqlParameter<List<T>> { TypedValue = Values, NpgsqlDbType = NpgsqlDbType.Array | type };

    public override NpgsqlParameter One() => new NpgsqlParameter<T> { NpgsqlDbType = type };

    public override void Put(int row, NpgsqlParameter parameter) => ((NpgsqlParameter<T>)parameter).TypedValue = Values[row];
}

/// <summary>An array of which each row takes a part.</summary>
internal sealed class WholeColumn<T>(NpgsqlDbType type) : Column<T>(type)
{
    public override NpgsqlParameter One() => All();

    public override void Put(int row, NpgsqlParameter parameter)
    {
    }
}
