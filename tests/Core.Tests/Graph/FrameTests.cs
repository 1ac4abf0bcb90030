using Fanfare.Core;

namespace Fanfare.Core.Tests.Graph;

public sealed class FrameTests
{
    [Fact]
    public void StepsOfALinearFlow_LieInTheRoot()
    {
        var graph = Sketch.Graph("start > a; a > end; end");

        Assert.All(graph.Nodes, n => Assert.Same(graph.Start.Frame, n.Frame));
        Assert.Equal(FrameKind.Root, graph.Start.Frame.Kind);
        Assert.Equal((false, 1), (graph["a"].InForeach, graph["a"].LoopCounters));
        Assert.Equal(["a"], graph["end"].Predecessors);
        Assert.Empty(graph.Start.Predecessors);
    }

    [Fact]
    public void EachBranchOfAStaticSplit_IsAFrame_AndTheJoinLiesAroundThem()
    {
        var graph = Sketch.Graph("start > a & b; a > a2; a2 > join; b > join; !join > end; end");

        var (a, b) = (graph["a"].Frame, graph["b"].Frame);
        Assert.NotSame(a, b);
        Assert.Same(a, graph["a2"].Frame);
        Assert.Equal((FrameKind.Branch, "start", "join", 0, 2), (a.Kind, a.Opener, a.Join, a.Branch, a.Branches));
        Assert.Equal((FrameKind.Branch, "start", "join", 1, 2), (b.Kind, b.Opener, b.Join, b.Branch, b.Branches));
        Assert.Same(graph.Start.Frame, graph["join"].Frame);
        Assert.Equal((FrameKind.Branch, 2), (graph["join"].Joins, graph["join"].JoinBranches));
        Assert.Equal(["a2", "b"], graph["join"].Predecessors);
        Assert.False(graph["a"].InForeach);
        Assert.Equal(2, graph["a"].LoopCounters);
    }

    [Fact]
    public void TheBodyOfAForeach_IsOneFrame()
    {
        var graph = Sketch.Graph("start > *a; a > b; b > join; !join > end; end");

        var body = graph["a"].Frame;
        Assert.Same(body, graph["b"].Frame);
        Assert.Equal((FrameKind.Foreach, "start", "join", 1), (body.Kind, body.Opener, body.Join, body.ForeachDepth));
        Assert.True(graph["b"].InForeach);
        Assert.Equal((FrameKind.Foreach, 0), (graph["join"].Joins, graph["join"].JoinBranches));
        Assert.False(graph["join"].InForeach);
    }

    [Fact]
    public void SplitsNest_AndAJoinMayOpenTheNextSplit()
    {
        var graph = Sketch.Graph("start > *a; a > b & c; b > inner; c > inner; !inner > *d; d > deep; !deep > outer; !outer > end; end");

        Assert.Equal((2, 1), (graph["b"].Frame.Depth, graph["b"].Frame.ForeachDepth));
        Assert.Equal((2, 2), (graph["d"].Frame.Depth, graph["d"].Frame.ForeachDepth));
        Assert.Same(graph["a"].Frame, graph["inner"].Frame);
        Assert.Same(graph["a"].Frame, graph["deep"].Frame);
        Assert.Equal("outer", graph["a"].Frame.Join);
        Assert.Equal(3, graph["d"].LoopCounters);
    }

    [Fact]
    public void CasesOfASwitch_StayInTheFrame_AndMayMergeOrJoin()
    {
        var graph = Sketch.Graph("start > *a; a > b | c | join; b > d; c > d; d > join; !join > end; end");

        Assert.Same(graph["a"].Frame, graph["d"].Frame);
        Assert.Equal(["b", "c"], graph["d"].Predecessors);
        Assert.Equal(["a", "d"], graph["join"].Predecessors);
        Assert.Empty(graph["a"].BackEdges);
    }

    [Fact]
    public void AFlowMayEndInSeveralPlaces_AfterASwitch() =>
        Assert.Equal(3, Sketch.Graph("start > a | b; a; b").Nodes.Count());

    [Fact]
    public void HandlersLieInTheRoot_OutsideTheGraph()
    {
        var graph = Sketch.Graph(Sketch.Flow("start; tell; clean") with { OnFailure = ["tell"], Finally = ["clean"] });

        Assert.True(graph["tell"].IsHandler && graph["clean"].IsHandler);
        Assert.False(graph.Start.IsHandler);
        Assert.Same(graph.Start.Frame, graph["tell"].Frame);
        Assert.Empty(graph["tell"].Predecessors);
    }

    [Fact]
    public void SplitsNest31Deep_SoThatAStepHas32LoopCounters()
    {
        var graph = Sketch.Graph(Nested(31));

        Assert.Equal(32, graph["s31"].LoopCounters);
    }

    [Fact]
    public void SplitsDoNotNest32Deep()
    {
        var error = Assert.Single(Sketch.Errors(Sketch.Flow(Nested(32))));

        Assert.Equal("steps.s31.next", error.Path);
        Assert.Contains("at most 31", error.Message, StringComparison.Ordinal);
    }

    internal static string Nested(int depth) =>
        "start > *s1;"
        + string.Concat(Enumerable.Range(1, depth - 1).Select(i => $"s{i} > *s{i + 1};"))
        + $"s{depth} > j{depth};"
        + string.Concat(Enumerable.Range(2, depth - 1).Reverse().Select(i => $"!j{i} > j{i - 1};"))
        + "!j1";
}
