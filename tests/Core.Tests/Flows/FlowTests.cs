using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Flows;

public sealed class FlowTests
{
    private static readonly StreamId s_flow = StreamId.Flow("default", "etl");
    private static readonly Moment s_now = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero), "ann", 0, "inc", TimeSpan.Zero);
    private readonly FlowEntity _flow = new(s_flow);

    [Fact]
    public void ADeletion_TakesAllDeployments_AndHoldsWhenItIsRepeated()
    {
        Deploy("a");
        Deploy("b");
        _flow.TakeDecided();

        Assert.Equal(new FlowDeletion("etl", 2, New: true), Delete());
        var (events, rows) = _flow.TakeDecided();
        Assert.Equal(new FlowDeletion("etl", 2, New: false), Delete());

        Assert.Equal([new FlowDeleted()], events.Select(e => e.Event));
        Assert.Equal([new DeletionRow("default", "etl", 1, 2, s_now.Now)], rows);
        Assert.Equal((2, 2), (_flow.Latest, _flow.Deleted));
        Assert.Empty(_flow.TakeDecided().Events);
    }

    [Fact]
    public void WhatIsDeployedAfterADeletion_IsNew_AndNumberedOn()
    {
        Deploy("a");
        Delete();

        Assert.Equal(new Deployed("etl", 2, "a", New: true), Deploy("a"));
        Assert.Equal(new Deployed("etl", 2, "a", New: false), Deploy("a"));
        Delete();

        var rows = _flow.TakeDecided().Rows.OfType<DeletionRow>();
        Assert.Equal([(1, 1), (2, 2)], rows.Select(r => (r.First, r.Last)));
    }

    [Fact]
    public void WhatNeverWasDeployed_IsNotFound()
    {
        var refused = Assert.Throws<RefusedException>(() => Delete());

        Assert.Equal((RefusalKind.NotFound, "FAN0002"), (refused.Kind, refused.Code));
    }

    [Theory]
    [InlineData(2, false, true)]
    [InlineData(1, false, null)]
    [InlineData(3, false, null)]
    [InlineData(2, true, false)]
    [InlineData(1, true, false)]
    [InlineData(3, true, null)]
    public void ADeletionOfANamedDeployment_IsOfTheLatestAlone(int named, bool isDeleted, bool? isNew)
    {
        Deploy("a");
        Deploy("b");
        if (isDeleted) Delete();

        if (isNew is { } expected)
        {
            Assert.Equal(new FlowDeletion("etl", 2, expected), Delete(named));
            return;
        }
        var refused = Assert.Throws<RefusedException>(() => Delete(named));
        Assert.Equal((RefusalKind.Conflict, "FAN0003", "deployment"), (refused.Kind, refused.Code, Assert.Single(refused.Fields).Path));
        Assert.Equal(isDeleted ? 2 : 0, _flow.Deleted);
    }

    [Fact]
    public void AReplay_GivesWhatThereWas()
    {
        Deploy("a");
        Delete();
        Deploy("b");
        var replayed = new FlowEntity(s_flow);

        replayed.Replay(_flow.TakeDecided().Events, long.MaxValue);

        Assert.Equal((2, 1), (replayed.Latest, replayed.Deleted));
        Assert.Equal(new Deployed("etl", 3, "a", New: true), replayed.Deploy(Command, "{}", "a", s_now));
    }

    private static DeployFlow Command => new("default", "ann", null!, "source", null);

    private Deployed Deploy(string digest) => _flow.Deploy(Command, "{}", digest, s_now);

    private FlowDeletion Delete(int? deployment = null) => _flow.Delete(new DeleteFlow("default", "ann", "etl", deployment), s_now);
}
