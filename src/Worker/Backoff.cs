namespace Fanfare.Worker;

/// <summary>Delays between tries: doubling from a first to a longest, each drawn between half and all of it.</summary>
internal static class Backoff
{
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);

    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    /// <param name="failures">Failures in a row so far, from 1.</param>
    /// <param name="chance">Between 0 and 1.</param>
    public static TimeSpan Delay(int failures, double chance)
    {
        var full = First * Math.Pow(2, Math.Clamp(failures - 1, 0, 20));
        if (full > Longest) full = Longest;
        return full * (0.5 + chance / 2);
    }
}
