using System.Diagnostics;
using System.Globalization;

namespace Fanfare.Specs.Tests;

/// <summary>Time that this thread has spent on a CPU, so that a busy machine fails no test. Wall-clock time where the system does not tell.</summary>
internal static class ThreadTime
{
    private const string Source = "/proc/thread-self/schedstat";

    private static readonly bool Told = File.Exists(Source);

    public static TimeSpan Now() => Told
        ? TimeSpan.FromMicroseconds(long.Parse(File.ReadAllText(Source).Split(' ')[0], CultureInfo.InvariantCulture) / 1000)
        : Stopwatch.GetElapsedTime(0);
}
