using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Queues;

public sealed class WaitingGangsTests
{
    [Fact]
    public void PriorityGoesFirst_ThenWhoCameFirst()
    {
        var gangs = Waiting(("a", 0), ("b", 5), ("c", 0), ("d", 5));

        Assert.Equal(["b", "d", "a", "c"], Names(gangs));
    }

    [Fact]
    public void AnOfferThatIsRepeated_KeepsItsPlace_AndOneThatIsWithdrawnLosesIt()
    {
        var gangs = Waiting(("a", 0), ("b", 0));

        gangs.Put(Offer("a", 0) with { Ready = 3 }, TimeSpan.FromSeconds(9));
        Assert.Equal(["a", "b"], Names(gangs));
        Assert.Equal((3, TimeSpan.Zero), (gangs.InOrder[0].Size, gangs.InOrder[0].Since));
        gangs.Put(Offer("a", 0) with { Ready = 0 }, TimeSpan.FromSeconds(9));
        gangs.Put(Offer("a", 0), TimeSpan.FromSeconds(10));
        Assert.Equal(["b", "a"], Names(gangs));
    }

    [Fact]
    public void AGangFitsAsAWhole_OrNotAtAll()
    {
        var gang = Waiting(("a", 0)).InOrder[0];

        Assert.Equal([("x", 3), ("y", 1)], gang.Fit([("x", 3), ("none", 0), ("y", 5), ("z", 5)]));
        Assert.Null(gang.Fit([("x", 3), ("y", -1)]));
    }

    private static WaitingGangs Waiting(params (string Name, int Priority)[] offers)
    {
        var gangs = new WaitingGangs();
        foreach (var (name, priority) in offers) gangs.Put(Offer(name, priority), TimeSpan.Zero);
        return gangs;
    }

    private static IEnumerable<string> Names(WaitingGangs gangs) => gangs.InOrder.Select(gang => gang.Offer.Step.Name);

    private static Offer Offer(string name, int priority) =>
        new(new StreamId("default", StreamKind.Step, name), "default", priority, ResourceSpec.Default, Ready: 4, Running: 0, IsGang: true);
}
