namespace Fanfare.Core.Tests.Graph;

public sealed class LoopTests
{
    [Fact]
    public void TheCaseThatLeadsBack_IsABackEdge()
    {
        var graph = Sketch.Graph("start > train; train > check; check > train | end ^5; end");

        Assert.Equal(["train"], graph["check"].BackEdges);
        Assert.Equal(["start", "check"], graph["train"].Predecessors);
    }

    [Fact]
    public void AStepMayLoopOnItself() =>
        Assert.Equal(["start"], Sketch.Graph("start > start | end ^5; end")["start"].BackEdges);

    [Fact]
    public void ACaseThatLeadsBackThroughOtherSteps_IsABackEdge()
    {
        var graph = Sketch.Graph("start > train; train > check; check > repair | end ^5; repair > train; end");

        Assert.Equal(["repair"], graph["check"].BackEdges);
    }

    [Fact]
    public void ASwitchThatOnlyLiesOnTheWayRound_HasNoBackEdge()
    {
        var graph = Sketch.Graph("start > train; train > first | end; first > train | end ^5; end");

        Assert.Empty(graph["train"].BackEdges);
        Assert.Equal(["train"], graph["first"].BackEdges);
    }

    [Fact]
    public void ASwitchOnTheWayRound_MayHaveABoundToo() =>
        Assert.Empty(Sketch.Graph("start > train; train > first | end ^9; first > train | end ^5; end")["train"].BackEdges);

    [Fact]
    public void ALoopMayLieInsideASplit_AndHaveASplitInside()
    {
        var graph = Sketch.Graph(
            "start > *a; a > *b; b > c | inner; c > inner; !inner > again | outer ^3; again > a; !outer > end; end");

        Assert.Equal(["again"], graph["inner"].BackEdges);
        Assert.Empty(graph["b"].BackEdges);
    }

    [Fact]
    public void ALoopWithTwoWaysIn_StillHasABackEdgeOnEveryCycle()
    {
        var graph = Sketch.Graph("start > a | b; a > b | end ^3; b > a | end ^3; end");

        Assert.Equal(["a"], graph["b"].BackEdges);
        Assert.Empty(graph["a"].BackEdges);
    }

    [Fact]
    public void TwoLoopsMayNest()
    {
        var graph = Sketch.Graph("start > a; a > b; b > b | c ^3; c > a | end ^3; end");

        Assert.Equal(["b"], graph["b"].BackEdges);
        Assert.Equal(["a"], graph["c"].BackEdges);
    }
}
