namespace Fanfare.Storage.Postgres.Read;

/// <summary>Settings of the sessions that read.</summary>
internal static class ReadSession
{
    /// <summary>For 'Options' of the connection string. Every statement is written for one index, which serves it whatever the values and however the
    /// tables grow. Left to itself the planner goes by statistics, and these are wrong for a table that was empty a minute ago, as for a
    /// run a thousand times as wide as the others: then it sorts a million rows to return a hundred. One plan for all values also saves planning each time.</summary>
    public const string Options = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off -c jit=off -c max_parallel_workers_per_gather=0";
}
