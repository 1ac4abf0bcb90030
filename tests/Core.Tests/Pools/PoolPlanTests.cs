using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Pools;

public sealed class PoolPlanTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PoolSpec _spec = new() { Name = "burst", Provider = PoolProvider.Local, Machine = Of(4, 16), Max = 20, Queues = ["work"] };

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(5, 2)]
    [InlineData(80, 20)]
    [InlineData(1_000_000, 20)]
    public void FromZero_AsManyAreLaunchedAsWhatWaitsNeeds_AndNoMoreThanThePoolHas(long tasks, int machines) => Assert.Equal(machines, Plan(demand: [Waiting(tasks, Of(1, 4))]).Launch);

    [Fact]
    public void WhatWaits_CountsByWhatItNeeds_NotByItsNumber()
    {
        // Three of the large fit beside none of the others; the small ones fit in what they leave.
        Assert.Equal(3, Plan(demand: [Waiting(3, Of(3, 1)), Waiting(3, Of(1, 1))]).Launch);
        Assert.Equal(3, Plan(demand: [Waiting(3, Of(1, 1)), Waiting(3, Of(3, 1))]).Launch);
        // Memory is short before cores are.
        Assert.Equal(5, Plan(demand: [Waiting(5, Of(1, 9))]).Launch);
    }

    [Fact]
    public void WhatIsFree_AndWhatComes_IsReckonedWith()
    {
        Assert.Equal(0, Plan(launching: 2, demand: [Waiting(8, Of(1, 1))]).Launch);
        Assert.Equal(1, Plan([Starting("a")], launching: 1, demand: [Waiting(9, Of(1, 1))]).Launch);
        Assert.Equal(1, Plan([Busy("a", Of(2, 16))], demand: [Waiting(3, Of(1, 1))]).Launch);
        Assert.Equal(0, Plan([Busy("a", Of(2, 16))], demand: [Waiting(2, Of(1, 1))]).Launch);
        // Those that go are no help, and count for the most that there may be.
        Assert.Equal(1, Plan([Draining("a")], demand: [Waiting(1, Of(1, 1))]).Launch);
        Assert.Equal(0, Plan([.. Enumerable.Range(0, 20).Select(i => Draining($"d{i}"))], demand: [Waiting(1, Of(1, 1))]).Launch);
    }

    [Fact]
    public void OtherQueues_AndWhatIsTooLarge_LaunchNothing()
    {
        var decision = Plan(demand: [Waiting(5, Of(1, 1)) with { Queue = "other" }, Waiting(1, Of(5, 1)), Waiting(2, Of(1, 17))]);

        Assert.Equal((0, 0), (decision.Launch, decision.Wanted));
        Assert.Equal(["1 task of queue 'work' needs more than a machine of the pool has.", "2 tasks of queue 'work' need more than a machine of the pool has."], decision.Why.Order(StringComparer.Ordinal));
        Assert.Equal(1, Plan(demand: [Waiting(1, Of(1, 1)) with { Queue = "other" }], spec: _spec with { Queues = [] }).Launch);
    }

    [Fact]
    public void AGang_GetsAsManyAsItNeedsAtOnce_OrNone()
    {
        Assert.Equal(3, Plan(demand: [Waiting(10, Of(1, 1)) with { IsGang = true }]).Launch);
        var decision = Plan(demand: [Waiting(81, Of(1, 1)) with { IsGang = true }]);
        Assert.Equal(0, decision.Launch);
        Assert.Equal("A gang of 81 tasks in queue 'work' needs more than 20 machines, which the pool has at most.", Assert.Single(decision.Why));
    }

    [Fact]
    public void ThereAreAsManyAsTheLeast_AndSparesBesideWhatIsUsed()
    {
        Assert.Equal(3, Plan(spec: _spec with { Min = 3 }).Launch);
        Assert.Equal(2, Plan(spec: _spec with { Spare = 2 }).Launch);
        Assert.Equal(3, Plan(spec: _spec with { Spare = 2 }, demand: [Waiting(1, Of(1, 1))]).Launch);
        Assert.Equal(2, Plan([Busy("a", Of(3, 12)), Idle("b", 0)], spec: _spec with { Spare = 3 }).Launch);
    }

    [Fact]
    public void IdleOnes_GoAfterTheirTime_TheLongestIdleFirst_DownToTheLeast()
    {
        SeenMachine[] machines = [Busy("a", Of(3, 12)), Idle("b", 30), Idle("c", 90), Idle("d", 61), Idle("e", 70)];

        Assert.Equal(["c", "e", "d"], Drained(Plan(machines)));
        Assert.Equal(["c", "e"], Drained(Plan(machines, spec: _spec with { Min = 3 })));
        Assert.Equal(["c", "e"], Drained(Plan(machines, spec: _spec with { Spare = 2 })));
        // One that is about to be used does not go.
        Assert.Equal(["e", "d"], Drained(Plan(machines, demand: [Waiting(1, Of(4, 1)), Waiting(1, Of(4, 2))])).Concat(["e", "d"]).Distinct().Order(StringComparer.Ordinal).Reverse());
        Assert.DoesNotContain("a", Drained(Plan(machines)));
    }

    [Fact]
    public void APoolThatWasMadeSmaller_LosesWhoLosesLeast()
    {
        SeenMachine[] machines = [Busy("a", Of(0, 0), tasks: 4), Busy("b", Of(3, 12), tasks: 1), Idle("c", 0), Busy("d", Of(2, 8), tasks: 2)];

        Assert.Equal(["c", "b"], Drained(Plan(machines, spec: _spec with { Max = 2 })));
        Assert.Empty(Drained(Plan(machines, spec: _spec with { Max = 4 })));
    }

    [Fact]
    public void OldOnes_GoAFewAtATime_AndAreReplaced()
    {
        SeenMachine[] machines = [.. Enumerable.Range(0, 20).Select(i => Busy($"m{i:00}", Of(0, 0), tasks: 4, age: 3600 + i))];
        var spec = _spec with { Lifetime = TimeSpan.FromHours(1), Max = 30 };

        Assert.Equal(["m19", "m18"], Drained(Plan(machines, spec: spec)));
        Assert.Equal(["m18"], Drained(Plan([.. machines[..19], Draining("m19")], spec: spec)));
        Assert.Empty(Drained(Plan([.. machines[..18], Draining("m18"), Draining("m19")], spec: spec)));
        Assert.Equal(2, Plan([.. machines[..18], Draining("m18"), Draining("m19")], spec: spec, demand: [Waiting(8, Of(1, 1))]).Launch);
    }

    [Fact]
    public void OnlyWhatCannotHoldALease_IsEnded()
    {
        var decision = Plan([
            Busy("busy", Of(0, 0)), Idle("idle", 1000), Draining("draining"), Draining("drained") with { IsDrained = true },
            Starting("young", unheard: 599) with { IsCordoned = true }, Starting("never", unheard: 600) with { IsCordoned = true }, Starting("late", unheard: 600),
            Starting("adopted", unheard: 600) with { WasHeard = true }, Starting("lost", unheard: 1200) with { WasHeard = true, IsCordoned = true },
            Silent("silent", 1199), Silent("dead", 1200),
            Silent("ending", 5000) with { Machine = Machine("ending") with { Ending = "asked" }, State = MachineState.Ending },
        ]);

        Assert.Equal(["dead", "drained", "lost", "never"], decision.End.Select(each => each.Machine).Order(StringComparer.Ordinal));
        // One that may be heard of at this moment gets no tasks first.
        Assert.Equal(["late"], Drained(decision).Except(["idle"]));
        Assert.Contains("was not heard of within 600 s", decision.End.First(each => each.Machine == "never").Why, StringComparison.Ordinal);
    }

    [Fact]
    public void OfADeletedPool_AllGo_AndNoneComes()
    {
        var decision = Plan([Busy("a", Of(0, 0)), Idle("b", 0), Starting("c"), Draining("d")], demand: [Waiting(5, Of(1, 1))], isDeleted: true, spec: _spec with { Min = 4 });

        Assert.Equal((0, 0), (decision.Launch, decision.Wanted));
        Assert.Equal(["a", "b", "c"], Drained(decision).Order(StringComparer.Ordinal));
        Assert.Empty(decision.End);
        Assert.Equal("c", Assert.Single(Plan([Starting("c") with { IsCordoned = true }], isDeleted: true).End).Machine);
    }

    [Fact]
    public void AsItStands_NothingIsToBeDone()
    {
        var decision = Plan([Busy("a", Of(0, 0), tasks: 4), Idle("b", 10)], demand: []);

        Assert.Equal(0, decision.Launch);
        Assert.Empty(decision.Drain);
        Assert.Empty(decision.End);
        Assert.Empty(decision.Why);
    }

    [Fact]
    public void DrawnScenes_NeverHaveMoreThanTheMost_NeverEndWhatRunsTasks_AndSettle()
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            var chance = new Random(seed);
            var spec = _spec with { Max = chance.Next(1, 30), Min = 0, Spare = chance.Next(3) };
            spec = spec with { Spare = Math.Min(spec.Spare, spec.Max), Min = chance.Next(spec.Max + 1) };
            var machines = Enumerable.Range(0, chance.Next(40)).Select(i => chance.Next(5) switch
            {
                0 => Idle($"m{i}", chance.Next(200)),
                1 => Starting($"m{i}", chance.Next(700)),
                2 => Draining($"m{i}"),
                3 => Silent($"m{i}", chance.Next(1500)),
                _ => Busy($"m{i}", Of(chance.Next(4), chance.Next(16)), tasks: chance.Next(1, 5)),
            }).ToArray();
            Demand[] demand = [.. Enumerable.Range(0, chance.Next(4)).Select(_ => Waiting(chance.Next(1, 60), Of(chance.Next(1, 5), chance.Next(1, 17))))];
            var launching = chance.Next(5);

            var decision = Plan(machines, launching, demand, spec: spec);

            Assert.True(decision.Launch == 0 || machines.Length + launching + decision.Launch <= spec.Max, $"seed {seed}: {machines.Length} + {launching} + {decision.Launch} > {spec.Max}");
            Assert.InRange(decision.Wanted, spec.Min, spec.Max);
            Assert.All(decision.End, each => Assert.DoesNotContain(machines, machine => machine.Machine.Machine == each.Machine && machine.State is MachineState.Busy or MachineState.Idle));
            Assert.Equal(decision.Drain.Count, decision.Drain.DistinctBy(each => each.Machine).Count());
            // Launched, all that could be placed is placed: nothing more is asked for.
            var after = Plan(machines, launching + decision.Launch, demand, spec: spec);
            Assert.True(after.Launch == 0, $"seed {seed}: {after.Launch} more after {decision.Launch}");
        }
    }

    private PoolDecision Plan(IReadOnlyList<SeenMachine>? machines = null, int launching = 0, IReadOnlyList<Demand>? demand = null, PoolSpec? spec = null, bool isDeleted = false) =>
        PoolPlan.Of(new PoolScene(spec ?? _spec, isDeleted, machines ?? [], launching, demand ?? [], s_now, TimeSpan.FromSeconds(1200)));

    private static IEnumerable<string> Drained(PoolDecision decision) => decision.Drain.Select(each => each.Machine);

    private static Demand Waiting(long tasks, ResourceSpec each) => new("default", "work", each, tasks);

    private static SeenMachine Busy(string name, ResourceSpec free, int tasks = 1, int age = 0) => new(Machine(name, age), MachineState.Busy, free, tasks, TimeSpan.Zero, TimeSpan.Zero, WasHeard: true, IsCordoned: false, IsDrained: false);

    private static SeenMachine Idle(string name, int seconds) => new(Machine(name), MachineState.Idle, Of(4, 16), 0, TimeSpan.FromSeconds(seconds), TimeSpan.Zero, WasHeard: true, IsCordoned: false, IsDrained: false);

    private static SeenMachine Starting(string name, int unheard = 0) => new(Machine(name), MachineState.Starting, null, 0, TimeSpan.Zero, TimeSpan.FromSeconds(unheard), WasHeard: false, IsCordoned: false, IsDrained: false);

    private static SeenMachine Draining(string name) => new(Machine(name), MachineState.Draining, Of(2, 8), 1, TimeSpan.Zero, TimeSpan.Zero, WasHeard: true, IsCordoned: false, IsDrained: false);

    private static SeenMachine Silent(string name, int seconds) => new(Machine(name), MachineState.Silent, null, 1, TimeSpan.Zero, TimeSpan.FromSeconds(seconds), WasHeard: true, IsCordoned: false, IsDrained: false);

    private static PoolMachine Machine(string name, int age = 0) => new(name, "local", "", CapacityKind.OnDemand, "1", s_now - TimeSpan.FromSeconds(age));

    private static ResourceSpec Of(double cpu, long gib) => new(cpu, gib << 30, 0, 0);
}
