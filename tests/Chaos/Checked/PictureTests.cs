using Fanfare.Chaos.Checks;

namespace Fanfare.Chaos.Checked;

/// <summary>What the API says is held against the journal, and against what it said before.</summary>
public sealed class PictureTests
{
    private readonly Fabrication _made = Fabrication.Whole();

    [Fact]
    public void AnApiThatTellsTheTruth_IsNotComplainedOf() => Assert.Empty(_made.PictureViolations(_made.Picture()));

    [Fact]
    public void AnotherStatusOfARun_IsSeen()
    {
        var picture = _made.Picture();
        var wrong = new Dictionary<string, RunView> { [Fabrication.Run] = picture.Runs[Fabrication.Run] with { Status = RunStatus.Running } };

        Complains(picture with { Runs = wrong }, "the API says Running in generation 0, the journal Succeeded");
        Complains(picture with { Runs = new Dictionary<string, RunView>() }, "the journal has it, the API has not");
    }

    [Fact]
    public void AnotherStatusOrOutputOfATask_IsSeen()
    {
        var picture = _made.Picture();
        Picture With(TaskView view) => picture with { Tasks = new Dictionary<(string Run, string Task), TaskView>(picture.Tasks) { [(Fabrication.Run, "last")] = view } };
        var last = picture.Tasks[(Fabrication.Run, "last")];

        Complains(With(last with { Status = TaskStatus.Failed }), "last is Failed by the API, Succeeded by the journal");
        Complains(With(last with { Output = null }), "last put out  by the API");
    }

    [Fact]
    public void AnotherFateOfAnAttempt_IsSeen()
    {
        var picture = _made.Picture();
        var attempts = picture.Attempts.ToDictionary(a => a.Key, a => (IReadOnlyList<AttemptView>)[.. a.Value.Select(v => v with { Status = AttemptStatus.Lost })]);

        Complains(picture with { Attempts = attempts }, "attempts of start are 0 Lost on w1 by the API, 0 Succeeded on w1 by the journal");
    }

    [Fact]
    public void AnEventThatTheApiLeavesOut_IsSeen()
    {
        var picture = _made.Picture();
        var histories = picture.Histories.ToDictionary(h => h.Key, h => (IReadOnlyList<EventView>)[.. h.Value.Skip(1)]);

        Complains(picture with { Histories = histories }, "the API's history is not the journal's");
    }

    [Fact]
    public void WhatARestartChanges_IsSeen()
    {
        var picture = _made.Picture();
        var runs = new Dictionary<string, RunView> { [Fabrication.Run] = picture.Runs[Fabrication.Run] with { Generation = 1 } };

        Assert.Empty(PictureChecker.Differences(picture, _made.Picture()));
        Assert.Contains("before the restart", Assert.Single(PictureChecker.Differences(picture, picture with { Runs = runs })).What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("running", TaskStatus.Succeeded)]
    [InlineData("succeeded", TaskStatus.Running)]
    [InlineData("failed", TaskStatus.Cancelled)]
    [InlineData("succeeded", TaskStatus.Waiting)]
    public void AReplayThatSaysOtherwise_DoesNotAgree(string replayed, TaskStatus row) => Assert.False(Replayed.Agrees(replayed, row));

    private void Complains(Picture picture, string of) =>
        Assert.Contains(of, string.Join('\n', _made.PictureViolations(picture).Select(v => v.What)), StringComparison.Ordinal);
}
