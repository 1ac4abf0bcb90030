using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Flows;

/// <summary>The flows that are simulated: one for each thing a flow can do, with numbers drawn from the seed, and wild ones that nest
/// everything in everything.</summary>
internal static class FlowCatalog
{
    /// <summary>Tasks that have to start together, at most.</summary>
    public const int LargestGang = 4;

    private static readonly Func<Chance, FlowDraft>[] s_kinds =
    [
        c => new FlowDraft("chain").Task("start", next: "a").Task("a", $"flaky={c.Int(3)}", "b", attempts: 3).Task("b", next: "end").Task("end"),
        c => new FlowDraft("wide").Task("start").Each("start", "a", range: c.Pick([0, 1, 2, 9, 30])).Task("a", next: "b").Task("b", $"flaky={c.Int(2)}", "c", attempts: 2)
            .Task("c", next: "join").Join("join", next: "end").Task("end"),
        c => new FlowDraft("lists").Task("start", $"items={c.Int(4)} form={c.Pick(["list", "count", "file"])}").Each("start", "outer").Task("outer", "items=h4 form=list")
            .Each("outer", "inner").Task("inner", next: "innerjoin").Join("innerjoin", next: "outerjoin").Join("outerjoin"),
        c => new FlowDraft("split").Task("start").Each("start", "a", range: c.Int(5)).Task("a").Split("a", "left", "right").Task("left", next: "both").Task("right", next: "right2")
            .Task("right2", next: "both").Join("both", next: "join").Join("join"),
        c => new FlowDraft("choose").Task("start").Each("start", "a", range: c.Int(6)).Task("a", "verdict=x/y").Choose("a", 0, ("x", "x"), ("y", "y")).Task("x", next: "z").Task("y", next: "y2")
            .Task("y2", next: "z").Task("z", next: "join").Join("join"),
        c => new FlowDraft("fork").Task("start").Each("start", "a", range: c.Int(6)).Task("a", "verdict=x/y").Choose("a", 0, ("x", "x"), ("y", "y")).Task("x", next: "join").Task("y", next: "join").Join("join"),
        c => new FlowDraft("rounds").Task("start").Each("start", "train", range: c.Int(5)).Task("train", next: "check").Task("check", $"verdict=again*{c.Int(4)}/done")
            .Choose("check", 5, ("again", "train"), ("done", "save")).Task("save", next: "join").Join("join", next: "end").Task("end"),
        c => new FlowDraft("endless").Task("start").Each("start", "train", range: c.Between(1, 3)).Task("train", next: "check").Task("check", "verdict=again*9/done")
            .Choose("check", 2, ("again", "train"), ("done", "save")).Task("save", next: "join").Join("join").Handlers(["rescue"], ["cleanup"]),
        c => new FlowDraft("waves").Task("start", next: "plan").Task("plan", "items=h5 form=count").Each("plan", "work").Task("work", next: "gather").Join("gather", "verdict=again*2/done")
            .Choose("gather", 3, ("again", "plan"), ("done", "end")).Task("end"),
        c => new FlowDraft("any").Task("start").Each("start", "a", range: c.Between(2, 9)).Task("a", "ms=3000", next: "b").Task("b", "ms=1000", next: "first").Join("first", next: "end", kind: JoinKind.Any, count: c.Between(1, 3)).Task("end", "ms=200")
            .Handlers([], ["cleanup"]),
        c => new FlowDraft("race").Task("start").Split("start", "slow", "fast", "bad").Task("slow", "ms=20000", next: "first").Task("fast", next: "first").Task("bad", "bad=all", next: "first")
            .Join("first", next: "end", kind: JoinKind.Any, count: 1).Task("end"),
        c => new FlowDraft("tolerate").Task("start").Each("start", "a", range: 6).Task("a", $"bad={c.Int(6)},{c.Int(6)}", next: "b").Task("b", next: "most").Join("most", next: "end", kind: JoinKind.Tolerate, count: c.Between(1, 3)).Task("end")
            .Handlers(["rescue"], ["cleanup"]),
        c => new FlowDraft("outer").Task("start").Each("start", "o", range: c.Between(2, 4)).Task("o").Each("o", "i", range: 3).Task("i", "bad=2 ms=500", next: "ij").Join("ij", next: "oj").Join("oj", next: "end", kind: JoinKind.Tolerate, count: c.Pick([9, 1])).Task("end"),
        c => new FlowDraft("catch").Task("start").Each("start", "a", range: 4).Task("a", "bad=1,2 flaky=1", next: "b", attempts: 2, catches: true).Task("b", next: "join").Join("join"),
        c => new FlowDraft("narrow").Task("start").Each("start", "a", range: 12).Task("a", "ms=400", next: "join", parallel: c.Between(1, 3)).Join("join"),
        c => new FlowDraft("fails").Task("start").Each("start", "a", range: c.Between(2, 8)).Task("a", "bad=1 ms=800", next: "b", attempts: 2).Task("b", next: "join").Join("join", next: "end").Task("end").Handlers(["rescue", "mourn"], ["cleanup"]),
        c => new FlowDraft("slow").Task("start", next: "a").Task("a", "ms=100000", next: "end", attempts: 2, timeout: 2).Task("end").Handlers(["rescue"], []),
        c => new FlowDraft("late", timeout: 30).Task("start").Each("start", "a", range: 3).Task("a", "ms=40000000", next: "join").Join("join").Handlers(["rescue"], ["cleanup"]),
        c => new FlowDraft("sour").Task("start", next: "end").Task("end").Handlers([], ["cleanup", "spoil"], bad: "spoil"),
        c => new FlowDraft("long").Task("start").Each("start", "a", range: c.Between(1, 5)).Task("a", "ms=90000", next: "join").Join("join"),
        c => new FlowDraft("gang").Task("start").Each("start", "a", range: c.Int(LargestGang + 1)).Task("a", $"ms=900 flaky={c.Int(3)}", "b", attempts: 3).Gang("a").Task("b", next: "join").Join("join", next: "end").Task("end"),
        c => new FlowDraft("gangs").Task("start").Each("start", "o", range: c.Between(2, 5)).Task("o", $"items=h{LargestGang} form=list").Each("o", "g").Task("g", $"ms=700 {c.Pick(["", "bad=1", "flaky=1"])}", "ij", attempts: 2).Gang("g")
            .Join("ij", next: "oj").Join("oj", next: "end", kind: JoinKind.Tolerate, count: c.Pick([9, 1])).Task("end").Handlers(["rescue"], []),
        c => new FlowDraft("gangcatch").Task("start").Each("start", "a", range: c.Between(2, LargestGang)).Task("a", "bad=1 flaky=1", "join", attempts: 2, catches: true).Gang("a").Join("join"),
        WildFlow.Draw,
    ];

    /// <summary>One of each kind, the wild ones several times.</summary>
    public static IReadOnlyList<FlowSpec> Draw(Chance chance)
    {
        var specs = new List<FlowSpec>();
        foreach (var kind in s_kinds) specs.Add(kind(chance).Spec);
        specs.Add(WildFlow.Draw(chance).Named("wild2").Spec);
        specs.Add(WildFlow.Draw(chance).Named("wild3").Spec);
        return specs;
    }
}
