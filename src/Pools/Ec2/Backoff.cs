namespace Fanfare.Pools.Ec2;

/// <summary>How long to wait before the next try: anything between nothing and a bound that doubles, so that those who were refused together do not come back together.</summary>
internal static class Backoff
{
    /// <param name="failures">Tries that failed, from 1.</param>
    /// <param name="first">The bound after the first.</param>
    /// <param name="most">The bound grows no further.</param>
    /// <param name="chance">0 to 1.</param>
    public static TimeSpan Delay(int failures, TimeSpan first, TimeSpan most, double chance)
    {
        // Beyond 2^30 times any first delay the bound is reached long since.
        var bound = first * (1L << Math.Min(failures - 1, 30));
        return (bound < most ? bound : most) * chance;
    }
}
