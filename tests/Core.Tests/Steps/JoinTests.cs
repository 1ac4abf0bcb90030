using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Steps;

public sealed class JoinTests
{
    private const string Flow = "start > *a; a > j; !j > end; end";

    [Fact]
    public void JoinOfZeroSplits_FiresOnce()
    {
        var scene = Join(JoinKind.All, 0, expected: 0);

        var grant = scene.Lease();

        Assert.Empty(grant.Inputs.Sources);
        scene.Finish(grant, AttemptOutcome.Succeeded);
        Assert.Equal(0, scene.Step.Ready);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(100_000)]
    public void JoinOfAll_FiresAfterTheLastMember_AndOnce(int members)
    {
        var scene = Join(JoinKind.All, 0, members);
        if (members > 1) Arrive(scene, SplitRanges.Range(0, members - 1));
        Assert.Equal(0, scene.Step.Ready);

        Arrive(scene, SplitRanges.One(members - 1));

        Assert.Equal(members, Assert.Single(scene.Lease().Inputs.Sources).Splits.Count);
        Assert.Equal(0, scene.Step.Ready);
    }

    [Fact]
    public void MembersMayComeBeforeTheirNumberIsKnown()
    {
        var scene = new StepScene(Flow, "j");
        Arrive(scene, SplitRanges.Range(0, 3));
        Assert.Equal(0, scene.Step.Ready);

        scene.Receive(new ExpectMembers(StepScene.Run(), 0, scene.KeyOf("start"), 3));

        Assert.Equal(1, scene.Step.Ready);
    }

    [Fact]
    public void ToleratedFailure_ReachesTheJoin()
    {
        var scene = Join(JoinKind.Tolerate, 1, expected: 3);
        Arrive(scene, SplitRanges.Range(0, 2));
        Fail(scene, 2);

        Assert.Equal([0, 1], Assert.Single(scene.Lease().Inputs.Sources).Splits);
    }

    [Fact]
    public void MoreFailuresThanTolerated_FailTheJoin()
    {
        var scene = Join(JoinKind.Tolerate, 1, expected: 3);
        Fail(scene, 0);

        var events = Fail(scene, 1);

        Assert.Equal("join", Assert.IsType<TaskFailed>(events[^1]).Error.Type);
        Assert.IsType<ReportFailure>(scene.Outbox()[^1]);
    }

    [Fact]
    public void AnyJoin_CancelsTheRest()
    {
        var scene = Join(JoinKind.Any, 2, expected: 5);
        Arrive(scene, SplitRanges.One(3));
        Assert.Equal(0, scene.Step.Ready);

        Arrive(scene, SplitRanges.One(1));

        Assert.Equal(1, scene.Step.Ready);
        Assert.Equal(new CancelScope(scene.KeyOf("start"), 0), Assert.Single(scene.Outbox()));
        Arrive(scene, SplitRanges.One(0));
        Assert.Equal(1, scene.Step.Ready);
    }

    [Fact]
    public void BranchesComeInTheOrderOfTheSplit_HoweverTheyArrived()
    {
        var scene = new StepScene("start > a & b; a > j; b > j; !j", "j");
        scene.Receive(new ArriveMembers(StepScene.Run(), 0, scene.KeyOf("b"), SplitRanges.One(1), SplitRanges.Empty, 0), "b");
        scene.Receive(new ArriveMembers(StepScene.Run(), 0, scene.KeyOf("a"), SplitRanges.One(0), SplitRanges.Empty, 0), "a");

        Assert.Equal(["a", "b"], scene.Lease().Inputs.Sources.Select(s => s.Step.Step));
    }

    [Fact]
    public void ARetry_CountsNoFailureOfMembersThatRunAgain()
    {
        var scene = Join(JoinKind.Tolerate, 0, expected: 2);
        Fail(scene, 0);
        Fail(scene, 1);
        scene.Receive(new CancelStep(StepScene.Run(), null));
        scene.Receive(new RetryStep(StepScene.Run(1), []));

        Assert.IsType<MembersArrived>(Assert.Single(Arrive(scene, SplitRanges.One(0), 1)));
        Arrive(scene, SplitRanges.One(1), 1);

        Assert.Equal(1, scene.Step.Ready);
    }

    [Fact]
    public void ABrokenJoin_OneOfWhoseMembersWasSkippedSince_WaitsForTheOthersAfterARetry()
    {
        var scene = Join(JoinKind.Tolerate, 1, expected: 6);
        Fail(scene, 0);
        Arrive(scene, SplitRanges.One(1));
        Fail(scene, 3);
        Arrive(scene, SplitRanges.One(0));
        Assert.Contains("not done", Assert.Throws<RefusedException>(() => scene.Do(m => scene.Step.Retry(0, m))).Message, StringComparison.Ordinal);
        scene.Receive(new CancelStep(StepScene.Run(), null));
        scene.Receive(new RetryStep(StepScene.Run(1), []));
        Assert.Equal(0, scene.Step.Ready);

        Arrive(scene, SplitRanges.Range(2, 6), 1);

        Assert.Equal(1, scene.Step.Ready);
    }

    [Fact]
    public void WorkOfANewGeneration_WaitsForTheWordOfTheRetry()
    {
        var scene = Join(JoinKind.All, 0, expected: 1);
        scene.Receive(new CancelStep(StepScene.Run(), null));

        var refused = Assert.Throws<RefusedException>(() => Arrive(scene, SplitRanges.One(0), generation: 1));

        Assert.Equal(RefusalKind.Busy, refused.Kind);
    }

    private static StepScene Join(JoinKind kind, int count, int expected)
    {
        var scene = new StepScene(Flow, "j", s => s with { Join = new JoinSpec(kind, count) });
        scene.Receive(new ExpectMembers(StepScene.Run(), 0, scene.KeyOf("start"), expected));
        return scene;
    }

    private static IReadOnlyList<Event> Arrive(StepScene scene, SplitRanges members, int generation = 0) =>
        scene.Receive(new ArriveMembers(StepScene.Run(generation), 0, scene.KeyOf("a"), members, SplitRanges.Empty, 0), "a");

    private static IReadOnlyList<Event> Fail(StepScene scene, int member) =>
        scene.Receive(new ArriveMembers(StepScene.Run(), 0, scene.KeyOf("a"), SplitRanges.Empty, SplitRanges.One(member), 0), "a");
}
