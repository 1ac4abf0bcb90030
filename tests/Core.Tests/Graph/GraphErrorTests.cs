using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Graph;

public sealed class GraphErrorTests
{
    public static TheoryData<string, string, string, string, string> Wrong => new()
    {
        { "the start exists", "first > b; b", "start", "'start', which does not exist", "'start'" },
        { "names are valid", "start > 1st; 1st", "steps.1st", "a name starts with a letter", "form" },
        { "names are unique", "start > a; a; a", "steps.a", "two steps named 'a'", "Rename" },
        { "a target exists", "start > nowhere", "steps.start.next", "leads to 'nowhere', which does not exist", "Add that step" },
        { "a misspelt target is suggested", "start > trian; train", "steps.start.next", "'trian', which does not exist", "'train'?" },
        { "every step is reached", "start; lost", "steps.lost", "not reached from 'start'", "next" },
        { "the start is no join", "!start > a; a", "steps.start.join", "a join needs a split before it", "Remove 'join'" },
        { "a join is entered from inside a split", "start > j; !j", "steps.start.next", "outside any split", "Remove 'join'" },
        { "a foreach does not lead directly to a join", "start > *a; a > *j; !j > k; !k", "steps.a.next.foreach", "at least one step", "step in between" },
        { "a branch does not lead directly to a join", "start > a & j; a > j; !j", "steps.start.next[1]", "at least one step", "leave this branch out" },
        { "a path in a foreach reaches its join", "start > *a; a", "steps.a", "inside the foreach of step 'start'", "join: all" },
        { "a path in a branch reaches its join", "start > a & b; a > j; b; !j", "steps.b", "(branch 1)", "join: all" },
        { "every nested split has its own join", "start > *a; a > *b; b > j; !j > end; end", "steps.end", "inside the foreach of step 'start'", "join: all" },
        { "branches come together in a join only", "start > a & b; a > c; b > c; c > j; !j", "steps.c", "has no 'join'", "Set 'join: all' on 'c'" },
        { "branches end at one join", "start > a & b; a > j; b > k; !j > end; !k > end; end", "steps.start.next", "different joins ('j', 'k')", "'j'" },
        { "the paths of a foreach end at one join", "start > *a; a > b | j; b > k; !j > end; !k > end; end", "steps.b.next", "already joined by 'j'", "all its paths" },
        { "a join closes one split", "start > a & b; a > c & d; c > j; d > j; b > j; !j > end; end", "steps.c.next", "closes exactly one split", "Add a join" },
        { "nobody leaves a split without its join", "start > *a; a > end | j; !j > end; end", "steps.j.next", "from inside the foreach of step 'start' and from outside", "Lead every path inside the split to its join" },
        { "a path that leaves a split is named", "start > a | end; a > *b; b > end | j; !j > end; end", "steps.b.next.cases.to-end", "from inside the foreach of step 'a' and from outside", "Lead every path inside the split to its join" },
        { "nobody steps from one split into another", "start > a & b; a > c; c > j; b > *d; d > k | c; !k > j; !j", "steps.d.next.cases.to-c", "lies in the split of step 'start' (branch 0)", "separate step" },
        { "nobody steps into a split from outside", "start > a | b; a > *c; c > j; b > c; !j > end; end", "steps.b.next", "from outside of it", "on from there" },
        { "two splits do not open the same step", "start > a & b; a > *c; b > *c; c > j; !j > k; !k", "steps.b.next.foreach", "a step lies in one split only", "step of its own" },
        { "branches are distinct", "start > a & a; a > j; !j", "steps.start.next", "stands 2 times", "foreach over a range" },
        { "a cycle goes through a switch", "start > a; a > b; b > a", "steps.a.next", "cycle without a switch", "max_loops" },
        { "a foreach does not open at its own step", "start > a; a > *a", "steps.a.next", "cycle without a switch", "Remove" },
        { "a loop has a bound", "start > a; a > a | end; end", "steps.a.next", "no 'max_loops'", "Set 'max_loops'" },
        { "a bound is positive", "start > a; a > a | end ^0; end", "steps.a.next.max_loops", "from 1 to 1000000", "that range" },
        { "a bound needs a loop", "start > a | b ^3; a; b", "steps.start.next.max_loops", "no case of step 'start' leads back", "Remove 'max_loops'" },
        { "a loop has a way out", "start > a; a > b | c ^3; b > a; c > a", "steps.a.next", "no way out", "outside the loop" },
        { "a loop does not leave its split", "start > *a; a > start | j ^3; !j", "steps.a.next.cases.to-start", "neither enters nor leaves a split", "Loop within the split" },
        { "a loop does not enter a split", "start > *a; a > j; !j > a | end ^3; end", "steps.j.next.cases.to-a", "neither enters nor leaves a split", "join first" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void ARuleThatIsBroken_IsNamedWithPathAndRemedy(string rule, string sketch, string path, string message, string remedy)
    {
        var errors = Sketch.Errors(Sketch.Flow(sketch));

        Assert.True(errors.Any(e => e.Path == path
            && e.Message.Contains(message, StringComparison.Ordinal)
            && e.Remedy.Contains(remedy, StringComparison.Ordinal)), $"{rule}:{Environment.NewLine}{string.Join(Environment.NewLine, errors)}");
    }

    public static TheoryData<string, string[], string[], string, string> WrongHandlers => new()
    {
        { "start; tell", ["told"], [], "on_failure[0]", "does not exist" },
        { "start; tell > b; b", ["tell"], [], "steps.tell.next", "one after another" },
        { "start; !tell", [], ["tell"], "steps.tell.join", "is a join" },
        { "start > tell; tell", [], ["tell"], "steps.start.next", "outside the graph" },
        { "start; tell", ["tell"], ["tell"], "finally[0]", "more than once" },
        { "start; tell", ["tell", "tell"], [], "on_failure[1]", "more than once" },
        { "start", ["start"], [], "start", "outside the graph" },
    };

    [Theory, MemberData(nameof(WrongHandlers))]
    public void HandlersStandOutsideTheGraph(string sketch, string[] onFailure, string[] always, string path, string message)
    {
        var errors = Sketch.Errors(Sketch.Flow(sketch) with { OnFailure = onFailure, Finally = always });

        Assert.Contains(errors, e => e.Path == path && e.Message.Contains(message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, 10, 0, "step is 0")]
    [InlineData(0, 10_000_001, 1, "10000001 splits")]
    [InlineData(long.MaxValue, long.MinValue, -1, "18446744073709551615 splits")]
    public void ARangeIsBounded(long start, long stop, long step, string message)
    {
        var error = Assert.Single(Sketch.Errors(Over(new OverRange(start, stop, step))));

        Assert.Equal("steps.start.next.over.range", error.Path);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(5, 1, 1)]
    [InlineData(10, 0, -3)]
    [InlineData(0, 10_000_000, 1)]
    public void ARangeMayBeEmptyOrGoDown(long start, long stop, long step) => Sketch.Graph(Over(new OverRange(start, stop, step)));

    [Fact]
    public void ARangeEndsAtAnIntParameter()
    {
        ParameterSpec n = new() { Name = "n", Type = ParameterType.Int };
        var range = Over(new OverRange(0, 0, 1, "n"));

        Sketch.Graph(range with { Parameters = [n] });
        Assert.Contains("does not have", Assert.Single(Sketch.Errors(range)).Message, StringComparison.Ordinal);
        Assert.Contains("not int", Assert.Single(Sketch.Errors(range with { Parameters = [n with { Type = ParameterType.Float }] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ParametersThatShareAnEnvironmentVariable_AreRefused()
    {
        var error = Assert.Single(Sketch.Errors(Sketch.Flow("start") with { Parameters = [new() { Name = "top-n" }, new() { Name = "TOP_N" }] }));

        Assert.Equal("parameters.TOP_N", error.Path);
        Assert.Contains("FANFARE_PARAM_TOP_N", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(JoinKind.Any, 0, "at least 1")]
    [InlineData(JoinKind.Any, 3, "has 2 branches")]
    [InlineData(JoinKind.Tolerate, -1, "0 or more")]
    public void AJoinsCountIsInRange(JoinKind kind, int count, string message)
    {
        var error = Assert.Single(Sketch.Errors(Joined(kind, count)));

        Assert.Equal("steps.j.join", error.Path);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(JoinKind.Any, 2)]
    [InlineData(JoinKind.Tolerate, 0)]
    public void AJoinMayTakeAllItsBranches(JoinKind kind, int count) => Sketch.Graph(Joined(kind, count));

    [Theory]
    [InlineData("start > a; a", "a", "not all ways to it are a foreach")]
    [InlineData("start", "start", "not all ways to it are a foreach")]
    [InlineData("start > *a; a > b & c; b > k; c > k; !k > j; !j", "a", "splits or chooses")]
    public void AGangIsWhatAForeachOpens_AndGoesOnAsOne(string sketch, string step, string message)
    {
        var errors = Sketch.Errors(Changed(Sketch.Flow(sketch), step, s => s with { Gang = true }));

        Sketch.Graph(Changed(Sketch.Flow("start > *a; a > j; !j"), "a", s => s with { Gang = true }));
        Assert.Contains(errors, e => e.Path == $"steps.{step}.gang" && e.Message.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void AGangHasNoBoundButItsOwnSize_AndAJoinThatWaitsForAll()
    {
        var flow = Changed(Sketch.Flow("start > *a; a > j; !j"), "a", s => s with { Gang = true, MaxParallel = 2 });
        flow = Changed(flow, "j", s => s with { Join = new JoinSpec(JoinKind.Tolerate, 1) });

        Assert.Equal(["has 'max_parallel'", "goes on without some"], Sketch.Errors(flow).Select(e => new[] { "has 'max_parallel'", "goes on without some" }.First(part => e.Message.Contains(part, StringComparison.Ordinal))));
    }

    [Fact]
    public void AllErrorsAreFoundAtOnce()
    {
        var errors = Sketch.Errors(Sketch.Flow("start > a & b; a > nowhere; b > c; c > b; lost"));

        Assert.Contains(errors, e => e.Path == "steps.a.next");
        Assert.Contains(errors, e => e.Path == "steps.b.next");
        Assert.Contains(errors, e => e.Path == "steps.lost");
    }

    [Fact]
    public void AFlowHasAtMost1000Steps()
    {
        string Chain(int steps) => "start > s1;" + string.Concat(Enumerable.Range(1, steps - 2).Select(i => $"s{i} > s{i + 1};")) + $"s{steps - 1}";

        Sketch.Graph(Chain(1000));
        Assert.Contains("at most 1000", Assert.Single(Sketch.Errors(Sketch.Flow(Chain(1001)))).Message, StringComparison.Ordinal);
    }

    private static FlowSpec Changed(FlowSpec flow, string step, Func<StepSpec, StepSpec> change) => flow with { Steps = [.. flow.Steps.Select(s => s.Name == step ? change(s) : s)] };

    private static FlowSpec Over(ForeachSource over)
    {
        var flow = Sketch.Flow("start > *a; a > j; !j");
        return flow with { Steps = [flow.Steps[0] with { Next = new Foreach("a", over) }, .. flow.Steps.Skip(1)] };
    }

    private static FlowSpec Joined(JoinKind kind, int count)
    {
        var flow = Sketch.Flow("start > a & b; a > j; b > j; !j");
        return flow with { Steps = [.. flow.Steps.Take(3), flow.Steps[3] with { Join = new JoinSpec(kind, count) }] };
    }
}
