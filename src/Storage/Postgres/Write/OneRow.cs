using System.Text.RegularExpressions;

namespace Fanfare.Storage.Postgres.Write;

/// <summary>The form of a statement for one row, from that for arrays of them.</summary>
internal static partial class OneRow
{
    /// <summary>Where the arrays are put side by side, there are a row's values; where one is taken apart, or counted, there is one.</summary>
    public static string Of(string sql) => Counted().Replace(Any().Replace(Single().Replace(Several().Replace(sql, "(VALUES ($1))"), "$1"), "= $1"), "1");

    [GeneratedRegex(@"unnest\((\$\d+(?:, \$\d+)+)\)")]
    private static partial Regex Several();

    [GeneratedRegex(@"unnest\((\$\d+)\)")]
    private static partial Regex Single();

    [GeneratedRegex(@"= ANY \((\$\d+)\)")]
    private static partial Regex Any();

    [GeneratedRegex(@"cardinality\(\$\d+\)")]
    private static partial Regex Counted();
}
