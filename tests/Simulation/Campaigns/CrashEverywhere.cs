using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Flows;

namespace Fanfare.Simulation.Campaigns;

/// <summary>Small flows, each lived once for every moment at which its node could crash: between any two awaits, before any commit, and after it.
/// Exhaustive where the seeds are random.</summary>
internal static class CrashEverywhere
{
    public static IReadOnlyList<FlowSpec> Flows { get; } =
    [
        new FlowDraft("chain").Task("start", next: "a").Task("a", next: "end").Task("end").Spec,
        new FlowDraft("retry").Task("start", "flaky=1", "end", attempts: 2).Task("end").Spec,
        new FlowDraft("each").Task("start").Each("start", "a", range: 2).Task("a", next: "join").Join("join").Spec,
        new FlowDraft("none").Task("start").Each("start", "a", range: 0).Task("a", next: "join").Join("join").Spec,
        new FlowDraft("nested").Task("start").Each("start", "o", range: 2).Task("o").Each("o", "i", range: 1).Task("i", next: "ij").Join("ij", next: "oj").Join("oj").Spec,
        new FlowDraft("split").Task("start").Split("start", "left", "right").Task("left", next: "both").Task("right", next: "both").Join("both").Spec,
        new FlowDraft("switch").Task("start", "verdict=x/x").Choose("start", 0, ("x", "x"), ("y", "y")).Task("x", next: "end").Task("y", next: "end").Task("end").Spec,
        new FlowDraft("loop").Task("start", next: "check").Task("check", "verdict=again*1/done").Choose("check", 2, ("again", "start"), ("done", "end")).Task("end").Spec,
        new FlowDraft("any").Task("start").Split("start", "slow", "fast").Task("slow", "ms=4000", next: "first").Task("fast", next: "first").Join("first", kind: JoinKind.Any, count: 1).Spec,
        new FlowDraft("tolerate").Task("start").Each("start", "a", range: 2).Task("a", "bad=1", next: "most").Join("most", kind: JoinKind.Tolerate, count: 1).Spec,
        new FlowDraft("catch").Task("start", "bad=all", "end", catches: true).Task("end").Spec,
        new FlowDraft("fails").Task("start", "bad=all").Handlers(["rescue"], ["cleanup"]).Spec,
        new FlowDraft("timeout", timeout: 5).Task("start", "ms=40000000").Handlers([], ["cleanup"]).Spec,
    ];

    /// <summary>Lives every flow with a crash at every moment.</summary>
    /// <param name="say">Takes a line for each flow.</param>
    /// <returns>The lives that broke an invariant.</returns>
    public static IReadOnlyList<Life> Live(Action<string> say, int threads)
    {
        var failed = new List<Life>();
        foreach (var flow in Flows)
        {
            var points = Points(flow);
            var broken = points.AsParallel().WithDegreeOfParallelism(threads).Select(p => Life.Of(Plan(flow, p))).Where(l => l.Violations.Count > 0).ToList();
            say(string.Create(CultureInfo.InvariantCulture, $"{flow.Name}: {points.Count} crashes, {broken.Count} broke an invariant"));
            failed.AddRange(broken);
        }
        return failed;
    }

    private static List<CrashPoint> Points(FlowSpec flow)
    {
        var points = new List<CrashPoint>();
        foreach (var moment in Enum.GetValues<CrashMoment>())
        {
            var all = new CrashPoint(moment, int.MaxValue);
            var calm = Life.Of(Plan(flow, all));
            if (calm.Violations.Count > 0) throw new InvalidOperationException($"{flow.Name} breaks an invariant without a crash: {calm.Violations[0].What}");
            points.AddRange(Enumerable.Range(1, all.Reached).Select(n => new CrashPoint(moment, n)));
        }
        return points;
    }

    private static LifePlan Plan(FlowSpec flow, CrashPoint point) => new(1) { Flows = [flow], Calm = true, CrashPoint = point };
}
