using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Which notices follow from what a flow says under <c>notify</c>, and how often their receivers are tried.</summary>
public static class NoticePolicy
{
    /// <summary>For how long a receiver is tried, from when the notice came about or was redriven. After that it is a dead letter.</summary>
    public static readonly TimeSpan TriedFor = TimeSpan.FromHours(24);

    /// <summary>Longest that a receiver is waited for that asks for it.</summary>
    private static readonly TimeSpan _longestAsked = TimeSpan.FromHours(1);

    private static readonly RetrySpec _retry = new() { InitialDelay = TimeSpan.FromSeconds(5), Factor = 2, MaxDelay = TimeSpan.FromMinutes(15) };

    /// <summary>How long after a failed try the next one is: from five seconds to a quarter of an hour, or as the receiver asks.</summary>
    /// <param name="failures">How many there were, from 1.</param>
    /// <param name="asked">By the receiver; null for nothing.</param>
    public static TimeSpan DelayAfter(int failures, TimeSpan? asked, ulong entropy)
    {
        var delay = Backoff.Delay(_retry, failures, Backoff.Chance(entropy, failures));
        return asked is { } wish && wish > delay ? wish < _longestAsked ? wish : _longestAsked : delay;
    }

    /// <summary>What an outcome of a run is called.</summary>
    public static NoticeKind KindOf(RunStatus status) => status switch
    {
        RunStatus.Succeeded => NoticeKind.Succeeded,
        RunStatus.Failed => NoticeKind.Failed,
        RunStatus.Cancelled => NoticeKind.Cancelled,
        _ => throw new ArgumentOutOfRangeException(nameof(status)),
    };

    /// <summary>The rules that speak of an outcome, each with its place among all.</summary>
    public static IEnumerable<(int Place, NotifySpec Rule)> For(IReadOnlyList<NotifySpec>? rules, NoticeKind kind) =>
        rules is null ? [] : rules.Select((rule, place) => (place, rule)).Where(item => item.rule.On.Contains(kind));
}
