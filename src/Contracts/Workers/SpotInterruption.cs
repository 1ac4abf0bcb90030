using System.Globalization;

namespace Fanfare.Contracts;

/// <summary>A provider takes back the machine that a worker runs on. The words are made here, so that whoever is told of them, as a reason in an event or an error, can tell it from other losses.</summary>
public static class SpotInterruption
{
    /// <summary>The type of the error with which a worker hands back a task.</summary>
    public const string ErrorType = "spot_interruption";

    private const string Words = "a spot interruption takes the machine of worker";

    /// <summary>Why a task was lost.</summary>
    /// <param name="action">What is done with the machine: <c>terminate</c>, <c>stop</c> or <c>hibernate</c>.</param>
    public static string Reason(string worker, string action, DateTimeOffset at) => $"{Words} {worker} ({action} at {Time(at)})";

    /// <summary>Why a worker drains.</summary>
    public static string Draining(string action, DateTimeOffset at) => $"spot interruption at {Time(at)} ({action})";

    /// <param name="words">A reason, or a message that has one in it.</param>
    public static bool IsIn(string words) => words.Contains(Words, StringComparison.Ordinal);

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
