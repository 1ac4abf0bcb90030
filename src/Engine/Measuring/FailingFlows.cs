using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>Flows whose runs fail one after another, as far as they end at this node; on the engine's loop. A node that starts begins anew: what goes on failing is seen again soon.</summary>
internal sealed class FailingFlows
{
    /// <summary>Failed runs in a row from which on a flow is told of: one or two may be the run's own fault.</summary>
    public const int Enough = 3;

    /// <summary>Flows that are told of apart; as names are authors' to choose, the rest is one.</summary>
    public const int MostTold = 100;

    /// <summary>What the other flows are told of under, with the most failures of any of them.</summary>
    public const string OtherFlows = "(other)";

    /// <summary>Flows that are remembered. Beyond, the ones that failed longest ago are forgotten.</summary>
    private const int MostKept = 10_000;

    /// <summary>A flow that has not failed here for so long may have recovered, or been deleted, without a run that ended here. Longer than a week: so often runs what seldom runs.</summary>
    private static readonly TimeSpan _forgottenAfter = TimeSpan.FromDays(8);

    private readonly Dictionary<(string Namespace, string Flow), (int Count, TimeSpan Last)> _failures = [];

    /// <summary>A run has ended. One that was cancelled says nothing of its flow.</summary>
    /// <param name="now">The node's uptime.</param>
    public void Ended(string ns, string flow, RunStatus status, TimeSpan now)
    {
        if (status == RunStatus.Succeeded) _failures.Remove((ns, flow));
        if (status != RunStatus.Failed) return;
        _failures[(ns, flow)] = (_failures.GetValueOrDefault((ns, flow)).Count + 1, now);
        if (_failures.Count > MostKept) Forget(now, MostKept / 2);
    }

    /// <summary>Flows that fail, with how often they did in a row, those with the most failures first.</summary>
    public IReadOnlyList<(string Flow, int Failures)> Tell(TimeSpan now)
    {
        Forget(now, MostKept);
        var failing = _failures.Where(flow => flow.Value.Count >= Enough).GroupBy(flow => flow.Key.Flow, flow => flow.Value.Count, StringComparer.Ordinal).Select(flow => (Flow: flow.Key, Failures: flow.Max()))
            .OrderByDescending(flow => flow.Failures).ThenBy(flow => flow.Flow, StringComparer.Ordinal).ToList();
        if (failing.Count <= MostTold) return failing;
        return [.. failing[..MostTold], (OtherFlows, failing[MostTold].Failures)];
    }

    private void Forget(TimeSpan now, int atMost)
    {
        foreach (var flow in _failures.Where(flow => now - flow.Value.Last > _forgottenAfter).Select(flow => flow.Key).ToList()) _failures.Remove(flow);
        foreach (var flow in _failures.OrderByDescending(flow => flow.Value.Last).Skip(atMost).Select(flow => flow.Key).ToList()) _failures.Remove(flow);
    }
}
