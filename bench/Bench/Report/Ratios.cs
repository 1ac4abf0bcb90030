namespace Fanfare.Bench.Report;

/// <summary>The ratios that are promised, each of medians of one pass; null when one side was not measured.</summary>
internal static class Ratios
{
    public static IReadOnlyDictionary<string, double?> Of(Result result)
    {
        var (throughput, chain) = (result.Postgres.Of("foreach_tasks_per_s").Median, result.Postgres.Of("chain_ms_per_step").Median);
        var peerChain = Math.Min(Known(result.Peer("dbos", "chain_ms_per_step").Median), Known(result.Peer("restate", "chain_ms_per_step").Median));
        return new SortedDictionary<string, double?>(StringComparer.Ordinal)
        {
            ["throughput_vs_graphile"] = Ratio(throughput, result.Peer("graphile-worker", "jobs_per_s").Median),
            ["throughput_vs_pg_boss"] = Ratio(throughput, result.Peer("pg-boss", "jobs_per_s").Median),
            ["throughput_vs_p1"] = Ratio(throughput, result.Bare.Of("p1_commits_per_s").Median),
            ["throughput_vs_p2"] = Ratio(throughput, result.Bare.Of("p2_tasks_per_s").Median),
            ["chain_vs_best_peer"] = Ratio(chain, peerChain),
            ["fanout_vs_dbos"] = Ratio(throughput, result.Peer("dbos", "children_per_s").Median),
            ["fanout_vs_dbos_without_parent"] = Ratio(throughput, result.Peer("dbos", "workflows_per_s").Median),
            ["fanout_vs_restate"] = Ratio(throughput, result.Peer("restate", "invocations_per_s").Median),
        };
    }

    /// <summary>Of each ratio the median of all passes in which it could be made.</summary>
    public static IReadOnlyDictionary<string, double?> Medians(IReadOnlyList<IReadOnlyDictionary<string, double?>> passes) => new SortedDictionary<string, double?>(
        passes[0].Keys.ToDictionary(name => name, name => passes.Select(pass => pass[name]).OfType<double>().ToList() is { Count: > 0 } known ? new Samples { Values = known }.Median : (double?)null), StringComparer.Ordinal);

    private static double Known(double value) => double.IsNaN(value) ? double.PositiveInfinity : value;

    private static double? Ratio(double ours, double theirs) => double.IsFinite(ours) && double.IsFinite(theirs) && theirs > 0 ? Math.Round(ours / theirs, 3) : null;
}
