using System.Diagnostics;
using System.Globalization;

namespace Fanfare.Fuzz.Kernel;

/// <summary>What a piece of work costs: time that its thread spent on a CPU, so that a busy machine fails no test, and bytes it allocated.</summary>
internal readonly record struct ThreadCost(TimeSpan Time, long Bytes)
{
    private const string Source = "/proc/thread-self/schedstat";

    private static readonly bool Told = File.Exists(Source);

    public static (T Result, ThreadCost Cost) Of<T>(Func<T> work)
    {
        var (time, bytes) = (Now(), GC.GetAllocatedBytesForCurrentThread());
        var result = work();
        return (result, new ThreadCost(Now() - time, GC.GetAllocatedBytesForCurrentThread() - bytes));
    }

    // Wall-clock time where the system does not tell.
    private static TimeSpan Now() => Told
        ? TimeSpan.FromMicroseconds(long.Parse(File.ReadAllText(Source).Split(' ')[0], CultureInfo.InvariantCulture) / 1000)
        : Stopwatch.GetElapsedTime(0);
}
