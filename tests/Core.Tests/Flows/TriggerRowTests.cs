using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Flows;

public sealed class TriggerRowTests
{
    private readonly FlowEntity _flow = new(StreamId.Flow("default", "report"));

    [Fact]
    public void ADeployment_BringsItsTriggers_AndTakesThoseOfTheOneBeforeAway()
    {
        Deploy(Trigger("a", "x"), Trigger("b", "y"));
        Assert.Equal([("a", 1, "x"), ("b", 1, "y")], Rows());

        Deploy(Trigger("b", "z"));
        Assert.Equal([("a", null, null), ("b", 2, "z")], Rows());

        _flow.Delete(new DeleteFlow("default", "ann", "report"), Now);
        Assert.Equal([("b", null, null)], Rows());
    }

    [Fact]
    public void APause_OutlastsDeployments_AndNotTheTrigger()
    {
        Deploy(Trigger("a", "x"));
        Command(ScheduleVerb.Pause, "why");
        Command(ScheduleVerb.Pause, "another");
        Deploy(Trigger("a", "y"));
        var paused = Assert.Single(_flow.TakeDecided().Rows.OfType<TriggerRow>().Reverse().DistinctBy(row => row.Trigger)).Standing!;
        Assert.Equal((2, "ann", "why"), (paused.Deployment, paused.Pause!.Actor, paused.Pause.Reason));

        Command(ScheduleVerb.Resume);
        Assert.Null(Assert.Single(_flow.TakeDecided().Rows.OfType<TriggerRow>()).Standing!.Pause);

        Command(ScheduleVerb.Pause);
        Deploy();
        Deploy(Trigger("a", "x"));
        Assert.Null(_flow.TakeDecided().Rows.OfType<TriggerRow>().Last().Standing!.Pause);
    }

    [Fact]
    public void ATriggerThatThereIsNot_CannotBePaused()
    {
        Deploy(Trigger("b", "x"));

        Assert.Equal(RefusalKind.NotFound, Assert.Throws<RefusedException>(() => Command(ScheduleVerb.Pause)).Kind);
    }

    private static Moment Now => new(DateTimeOffset.UnixEpoch, "ann", 0, "life", TimeSpan.Zero);

    private static TriggerSpec Trigger(string name, string listensFor) => new() { Name = name, Sources = [new TriggerSource { Event = listensFor }] };

    private void Command(ScheduleVerb verb, string? reason = null) => _flow.Command(new CommandTrigger("default", "ann", "report", "a", verb, reason), Now);

    private void Deploy(params TriggerSpec[] triggers)
    {
        var spec = new FlowSpec { Name = "report", Steps = [new StepSpec { Name = "start", Run = new CommandSpec(["a"], null) }], Triggers = triggers.Length == 0 ? null : triggers };
        _flow.Deploy(new DeployFlow("default", "ann", spec, "", null), FlowSpecJson.Write(spec), $"digest {_flow.Latest}", Now);
    }

    private IEnumerable<(string Trigger, int? Deployment, string? Event)> Rows() =>
        _flow.TakeDecided().Rows.OfType<TriggerRow>().Select(row => (row.Trigger, row.Standing?.Deployment, row.Standing?.Spec.Sources[0].Event)).OrderBy(row => row.Trigger, StringComparer.Ordinal);
}
