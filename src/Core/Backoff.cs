using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Delays between attempts: exponential, bounded, with part of each drawn at random so that tasks that failed
/// together do not come back together.</summary>
public static class Backoff
{
    /// <summary>The delay after the given number of failures (from 1). <paramref name="chance"/> is in [0, 1): 0 gives the whole
    /// delay, values towards 1 take off up to the share <see cref="RetrySpec.Jitter"/>.</summary>
    public static TimeSpan Delay(RetrySpec retry, int failures, double chance)
    {
        var factor = Math.Pow(retry.Factor, Math.Max(0, failures - 1));
        var seconds = Math.Min(retry.InitialDelay.TotalSeconds * factor, retry.MaxDelay.TotalSeconds);
        return TimeSpan.FromSeconds(seconds * (1 - (retry.Jitter * chance)));
    }

    /// <summary>After a platform loss the task goes back at once the first time, then with growing delays up to 30 s:
    /// a machine that takes tasks down must not be fed at full speed.</summary>
    public static TimeSpan LossDelay(int losses, double chance) =>
        losses <= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(Math.Pow(2, losses - 2), 30) * (1 - (0.5 * chance)));

    /// <summary>A number in [0, 1) from the command's entropy and a split, the same at every call with the same values.</summary>
    public static double Chance(ulong entropy, int split) => (Mix(entropy, (ulong)split) >> 11) * (1.0 / (1UL << 53));

    /// <summary>64 random bits from an entropy and a number: SplitMix64's finalizer (Steele, Lea, Flood 2014). What is journaled depends on it, so it stays as it is.</summary>
    internal static ulong Mix(ulong entropy, ulong number)
    {
        var z = entropy + (0x9E3779B97F4A7C15UL * (number + 1));
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
