using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Queues;

/// <summary>Gangs of four tasks, a core each, unless a test says otherwise.</summary>
public sealed class WaitingGangsTests
{
    private static readonly TimeSpan s_patient = WaitingGangs.Patience;
    private static readonly TimeSpan s_justBefore = WaitingGangs.Patience - TimeSpan.FromTicks(1);

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
    public void AGangStarts_WhereItFitsAsAWhole_OrNotAtAll()
    {
        var gangs = Waiting(("a", 0));

        Assert.Empty(gangs.Place([Poll("x", 3)], [], TimeSpan.Zero));
        Assert.Equal(1, gangs.Count);

        var start = Assert.Single(gangs.Place([Poll("x", 3), Poll("none", 0), Poll("overdrawn", -2), Poll("y", 1)], [], TimeSpan.Zero));
        Assert.Equal([("x", 3), ("y", 1)], start.Places);
        Assert.Equal(0, gangs.Count);
    }

    [Fact]
    public void TheLargestRoomIsTakenFirst_AndOfEqualOnesTheOneThatCameFirst()
    {
        var start = Assert.Single(Waiting(("a", 0)).Place([Poll("small", 1), Poll("late", 2), Poll("large", 3), Poll("later", 2)], [], TimeSpan.Zero));

        Assert.Equal([("large", 3), ("late", 1)], start.Places);
    }

    [Fact]
    public void APollHasRoomForWhatItAsksFor_WhateverIsFree()
    {
        var gangs = Waiting(("a", 0));

        Assert.Empty(gangs.Place([Poll("x", 64) with { Most = 3 }], [], TimeSpan.Zero));
        Assert.Equal([("y", 3), ("x", 1)], Assert.Single(gangs.Place([Poll("x", 64) with { Most = 2 }, Poll("y", 3)], [], TimeSpan.Zero)).Places);
    }

    [Fact]
    public void APollOfOtherQueues_IsNoRoom()
    {
        var gangs = Waiting(("a", 0));

        Assert.Empty(gangs.Place([Poll("x", 4) with { Queues = ["gpu"] }], [], TimeSpan.Zero));
        Assert.Single(gangs.Place([Poll("x", 4) with { Queues = ["gpu", "default"] }], [], TimeSpan.Zero));
    }

    [Fact]
    public void AGangThatFits_StartsBeforeOneThatDoesNot_AndNoPollIsGivenTwice()
    {
        var gangs = Waiting(("small", 0));
        gangs.Put(Offer("large", 9) with { Ready = 9 }, TimeSpan.Zero);
        gangs.Put(Offer("last", 0), TimeSpan.Zero);

        var starts = gangs.Place([Poll("x", 4), Poll("y", 4)], [], TimeSpan.Zero);

        Assert.Equal([("small", "x"), ("last", "y")], starts.Select(start => (start.Gang.Offer.Step.Name, start.Places.Single().Worker)));
        Assert.Equal(["large"], Names(gangs));
    }

    [Fact]
    public void WorkersAreKept_WhenAGangHasWaitedForLong_AndNotBefore()
    {
        var gangs = Waiting(("a", 0));
        GangWorker[] workers = [Worker("x", 4)];

        Assert.Empty(gangs.Kept(workers, s_justBefore));
        Assert.False(gangs.IsKept("x", workers, s_justBefore));
        Assert.Null(gangs.FirstPatient(workers, s_justBefore));
        Assert.Equal("a", gangs.FirstPatient(workers, s_patient)?.Offer.Step.Name);
        Assert.Equal(["x"], gangs.Kept(workers, s_justBefore + WaitingGangs.KeptFor));
        Assert.True(gangs.IsKept("x", workers, s_justBefore + WaitingGangs.KeptFor));
    }

    [Fact]
    public void AsManyAreKeptAsCouldHoldIt_ThoseWithTheMostRoomNow_ThenByName()
    {
        GangWorker[] workers = [Worker("busy", 2, free: 0), Worker("d", 2, free: 1), Worker("c", 2, free: 1), Worker("other", 64) with { Queues = ["gpu"] }];

        Assert.Equal(["c", "d"], Waiting(("a", 0)).Kept(workers, s_patient).Order());
        Assert.Equal(["c", "d"], Waiting(("a", 0)).Kept(workers.Reverse(), s_patient).Order());
    }

    [Fact]
    public void AWorkerIsKept_ForWhatItHoldsWhenItIsIdle()
    {
        // Its processors are free, and it takes no more than two tasks.
        var (narrow, busy) = (Worker("narrow", 64) with { MostLeases = 2 }, Worker("busy", 4, free: 0));

        Assert.Empty(Waiting(("a", 0)).Kept([narrow], s_patient));
        Assert.Equal(["busy", "narrow"], Waiting(("a", 0)).Kept([narrow, busy], s_patient).Order());
    }

    [Fact]
    public void TheChoiceOfWhoIsKept_StandsForAWhile()
    {
        var gangs = Waiting(("a", 0));
        Assert.Equal(["x"], gangs.Kept([Worker("x", 4)], s_patient));

        GangWorker[] later = [Worker("x", 4, free: 1), Worker("y", 4)];

        Assert.Equal(["x"], gangs.Kept(later, s_patient + WaitingGangs.KeptFor - TimeSpan.FromTicks(1)));
        Assert.Equal(["y"], gangs.Kept(later, s_patient + WaitingGangs.KeptFor));
    }

    [Fact]
    public void NobodyIsKept_ForAGangThatIsTooLarge_OrForTheSecondInTheLine()
    {
        var gangs = Waiting(("second", 0));
        gangs.Put(Offer("huge", 9) with { Ready = 9 }, TimeSpan.Zero);
        gangs.Put(Offer("first", 5), TimeSpan.Zero);
        GangWorker[] workers = [Worker("x", 4), Worker("y", 4)];

        Assert.Equal("first", gangs.FirstPatient(workers, s_patient)?.Offer.Step.Name);
        Assert.Equal(["x"], gangs.Kept(workers, s_patient));
        // When there are workers enough for it, it comes first.
        Assert.Equal("huge", gangs.FirstPatient([.. workers, Worker("z", 4)], s_patient)?.Offer.Step.Name);
    }

    [Fact]
    public void WhoIsKept_IsRoomForThatGangOnly()
    {
        var gangs = Waiting(("first", 5));
        gangs.Put(Offer("other", 0) with { Ready = 2 }, TimeSpan.Zero);
        GangWorker[] workers = [Worker("x", 4, free: 3), Worker("y", 4, free: 2)];
        Assert.Equal(["x"], gangs.Kept(workers, s_patient));

        Assert.Empty(gangs.Place([Poll("x", 3)], workers, s_patient));
        Assert.Equal([("y", 2)], Assert.Single(gangs.Place([Poll("x", 1), Poll("y", 2)], workers, s_patient)).Places);
        Assert.Equal([("x", 3), ("y", 1)], Assert.Single(gangs.Place([Poll("x", 3), Poll("y", 2)], workers, s_patient)).Places);
    }

    [Fact]
    public void WhenThePatientGangHasStarted_WorkersAreKeptForTheNextAtOnce()
    {
        var gangs = Waiting(("first", 0), ("second", 0));
        GangWorker[] workers = [Worker("x", 4), Worker("y", 4, free: 0)];
        Assert.Equal(["x"], gangs.Kept(workers, s_patient));

        Assert.Equal("first", Assert.Single(gangs.Place([Poll("x", 4)], workers, s_patient)).Gang.Offer.Step.Name);

        Assert.Equal(["y"], gangs.Kept([Worker("x", 4, free: -1), workers[1]], s_patient));
    }

    [Fact]
    public void WithoutGangs_NobodyIsKept()
    {
        var gangs = Waiting(("a", 0));
        Assert.Equal(["x"], gangs.Kept([Worker("x", 4)], s_patient));

        gangs.Put(Offer("a", 0) with { Ready = 0 }, s_patient);

        Assert.Empty(gangs.Kept([Worker("x", 4)], s_patient));
    }

    [Fact]
    public void Room_IsWanted_WhenAGangThatCouldStartHasUseForIt()
    {
        var gangs = Waiting(("a", 0));
        GangWorker[] workers = [Worker("x", 4, free: 0)];
        var one = new ResourceSpec(1, 0, 0, 0);

        Assert.True(gangs.Want([], one, workers));
        Assert.True(gangs.Want(["default"], one, workers));
        Assert.False(gangs.Want(["gpu"], one, workers));
        Assert.False(gangs.Want([], new ResourceSpec(0.5, 0, 0, 0), workers));
        Assert.False(gangs.Want([], one, [Worker("x", 3)]));
    }

    [Fact]
    public void WhatTheWorkersHaveRoomFor_IsCountedByThoseThatServeIt()
    {
        var gang = Waiting(("a", 0)).InOrder[0];

        Assert.Equal(new GangRoom(2, 2, 5), gang.RoomOn([Worker("x", 2), Worker("y", 3, free: -1), Worker("z", 64) with { Queues = ["gpu"] }]));
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

    private static GangPoll Poll(string worker, int free) => new(worker, [], new ResourceSpec(free, 0, 0, 0), 64);

    private static GangWorker Worker(string name, int cores, int? free = null) => new(name, [], new ResourceSpec(cores, 0, 0, 0), new ResourceSpec(free ?? cores, 0, 0, 0), 64);
}
