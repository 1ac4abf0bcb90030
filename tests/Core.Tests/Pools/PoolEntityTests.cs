using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Pools;

public sealed class PoolEntityTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<JournalEvent> _events = [];
    private readonly List<Row> _rows = [];
    private readonly PoolEntity _pool = new(StreamId.Pool("burst"), carriedAfter: 12);
    private DateTimeOffset _now = s_start;
    private ulong _chance;

    [Fact]
    public void ASpec_IsVersioned_AndTheSameAgainChangesNothing()
    {
        Assert.Equal(new PoolChange("burst", 1, New: true), _pool.Set(Spec(20), At()));
        Assert.Equal(new PoolChange("burst", 1, New: false), _pool.Set(Spec(20), At()));
        _now += TimeSpan.FromMinutes(1);
        Assert.Equal(new PoolChange("burst", 2, New: true), _pool.Set(Spec(30), At("mia")));

        Taken();
        Assert.Equal(2, _events.Count);
        var standing = Assert.IsType<PoolRow>(_rows[^1]).Standing!;
        Assert.Equal((2, 30, new PoolSetting("mia", _now), null), (standing.Version, standing.Spec.Max, standing.Setting, standing.DeletedAt));
    }

    [Fact]
    public void AnotherProvider_IsRefused_WhileItHasMachines()
    {
        _pool.Set(Spec(20), At());
        _pool.Set(Spec(20) with { Provider = PoolProvider.Ec2 }, At());
        var request = _pool.Launch(Request(1), At())!;
        Assert.Equal("FAN0003", Assert.Throws<RefusedException>(() => _pool.Set(Spec(20), At())).Code);
        _pool.Settle(request.Id, Answer(request, "m1"), At());
        _pool.Delete(At());
        Assert.Equal("FAN0003", Assert.Throws<RefusedException>(() => _pool.Set(Spec(20), At())).Code);
        _pool.Ended([new EndedMachine("m1", null)], At());
        Assert.True(_pool.Set(Spec(20), At()).New);
    }

    [Fact]
    public void ALaunch_IsRememberedWholeUntilItIsSettled_AndItsMachinesUntilTheyHaveEnded()
    {
        _pool.Set(Spec(20), At());
        var request = _pool.Launch(Request(3), At())!;
        Assert.Equal(("burst", s_start), (request.Pool, request.AskedAt));
        Assert.Equal(Text(request), Text(Assert.Single(Replayed().Launches)));

        _pool.Settle(request.Id, Answer(request, "m1", "m2"), At());
        // The same answer again, as of a launch that two have asked for.
        _pool.Settle(request.Id, Answer(request, "m1", "m2", "m3"), At());
        Assert.Empty(_pool.Launches);
        Assert.Equal(["m1", "m2"], Replayed().Machines.Select(machine => machine.Machine));
        Assert.Equal("no such machines", _pool.Trouble!.Reason);

        Assert.Equal(["m1"], _pool.End(["m1", "m9"], "it is idle", At()));
        Assert.Empty(_pool.End(["m1"], "it is idle", At()));
        Assert.Equal("it is idle", Replayed().Machines.First().Ending);
        _pool.Ended([new EndedMachine("m1", "as asked"), new EndedMachine("m9", null)], At());
        _pool.Ended([new EndedMachine("m1", "as asked")], At());
        Assert.Equal(["m2"], Replayed().Machines.Select(machine => machine.Machine));
    }

    [Fact]
    public void NoMoreAreAskedFor_ThanThePoolMayHaveNow()
    {
        Assert.Null(_pool.Launch(Request(1), At()));
        _pool.Set(Spec(4), At());
        var request = _pool.Launch(Request(2), At())!;
        Assert.Null(_pool.Launch(Request(3), At()));
        _pool.Settle(request.Id, Answer(request, "m1"), At());
        Assert.NotNull(_pool.Launch(Request(3), At()));
        Assert.Null(_pool.Launch(Request(1), At()));
        // What was decided before the pool was made smaller, or deleted, does not come after it.
        _pool.Set(Spec(2), At());
        _pool.Ended([new EndedMachine("m1", null)], At());
        Assert.Null(_pool.Launch(Request(1), At()));
        _pool.Delete(At());
        Assert.Null(_pool.Launch(Request(1), At()));
    }

    [Fact]
    public void WhatNoLaunchHasMade_IsEndedAsNobodys()
    {
        _pool.Set(Spec(20), At());
        var (open, settled) = (_pool.Launch(Request(2), At())!, _pool.Launch(Request(1), At())!);
        _pool.Settle(settled.Id, Answer(settled, "m1"), At());
        Instance[] listed = [.. Answer(settled, "m1", "m2").Instances, .. Answer(open, "m3").Instances];

        Assert.Equal(["m2"], _pool.Sweep(listed, At()));

        Taken();
        Assert.Equal(["m2"], Assert.IsType<StraysEnding>(_events[^1].Event).Machines);
    }

    [Fact]
    public void LaunchesHaveNamesOfTheirOwn_AlsoInAnotherJournal()
    {
        var other = new PoolEntity(_pool.Id);
        _pool.Set(Spec(20), At());
        other.Set(Spec(20), At());

        string[] names = [_pool.Launch(Request(1), At())!.Id, _pool.Launch(Request(1), At())!.Id, other.Launch(Request(1), At())!.Id];

        Assert.Equal(3, names.Distinct().Count());
    }

    [Fact]
    public void ALaunchThatIsRefusedForGood_LeavesItsReason_UntilAnotherSpecIsGiven()
    {
        _pool.Set(Spec(20), At());
        _pool.Fail(_pool.Launch(Request(3), At())!.Id, "There is no such template.", At());
        Assert.Empty(_pool.Launches);
        Assert.Equal(new PoolTrouble(s_start, "There is no such template."), Replayed().Trouble);

        _pool.Set(Spec(21), At());
        Assert.Null(Replayed().Trouble);
    }

    [Fact]
    public void ADeletedPool_IsThereUntilItsLastMachineHasEnded_AndMayComeAgain()
    {
        Assert.Equal("FAN0002", Assert.Throws<RefusedException>(() => _pool.Delete(At())).Code);
        _pool.Set(Spec(20), At());
        var request = _pool.Launch(Request(1), At())!;
        Assert.True(_pool.Delete(At()).New);
        Assert.False(_pool.Delete(At()).New);
        Assert.Equal(s_start, _pool.Read().DeletedAt);
        Assert.Equal(DateTimeOffset.MinValue, _pool.DurableDue);

        _pool.Settle(request.Id, Answer(request, "m1"), At());
        Taken();
        Assert.NotNull(((PoolRow)_rows[^1]).Standing);
        _pool.Ended([new EndedMachine("m1", null)], At());
        Taken();
        Assert.Null(((PoolRow)_rows[^1]).Standing);
        Assert.Null(_pool.DurableDue);
        Assert.Equal("FAN0002", Assert.Throws<RefusedException>(() => _pool.Read()).Code);

        Assert.Equal(new PoolChange("burst", 2, New: true), _pool.Set(Spec(20), At()));
        Assert.NotEqual(request.Id, _pool.Launch(Request(1), At())!.Id);
    }

    [Fact]
    public void WhatIsCarried_SaysAllBefore()
    {
        _pool.Set(Spec(200), At());
        for (var i = 0; i < 20; i++)
        {
            var request = _pool.Launch(Request(2), At())!;
            if (i % 5 == 4) continue;
            _pool.Settle(request.Id, Answer(request, $"m{i}a", $"m{i}b"), At());
            _pool.End([$"m{i}a"], "it is idle", At());
            if (i % 2 == 0) _pool.Ended([new EndedMachine($"m{i}a", null)], At());
        }
        Taken();
        var carried = _events.FindAll(entry => entry.Event is PoolCarried);
        Assert.True(carried.Count > 3, $"{carried.Count}");

        foreach (var from in carried)
        {
            var (whole, part) = (Replayed(), new PoolEntity(_pool.Id));
            part.Replay(_events.Where(entry => entry.Sequence >= from.Sequence), long.MaxValue);
            Assert.Equal(State(whole), State(part));
            Assert.Equal(whole.Launch(Request(1), At())!.Id.Split('-')[0], part.Launch(Request(1), At())!.Id.Split('-')[0]);
        }
    }

    private static string State(PoolEntity pool) => Text(new { pool.Standing, pool.Launches, Machines = pool.Machines.OrderBy(machine => machine.Machine), pool.Trouble, pool.Sequence });

    private static string Text(object value) => JsonSerializer.Serialize(value);

    private static PoolSpec Spec(int max) => new() { Name = "burst", Provider = PoolProvider.Local, Machine = new ResourceSpec(1, 0, 0, 0), Max = max, Queues = ["default"] };

    private static LaunchRequest Request(int count) => new()
    {
        Cluster = "c",
        Pool = "",
        Id = "",
        AskedAt = default,
        Count = count,
        Offerings = [new Offering(CapacityKind.OnDemand) { Choices = [new MachineChoice("local")] }],
    };

    private static LaunchAnswer Answer(LaunchRequest request, params string[] machines) => new(
        LaunchToken.Of(request),
        [.. machines.Select(id => new Instance(id, "burst", LaunchToken.Of(request), InstanceState.Running, "local", "", CapacityKind.OnDemand, s_start, null, null, IsListed: true))],
        machines.Length < request.Count ? [new LaunchRefusal(0, null, CapacityKind.OnDemand, RefusalReason.NoCapacity, "NoCapacity", "no such machines")] : [], IsSettled: true);

    private PoolEntity Replayed()
    {
        Taken();
        var replayed = new PoolEntity(_pool.Id, carriedAfter: 12);
        replayed.Replay(_events, long.MaxValue);
        return replayed;
    }

    private void Taken()
    {
        var (events, rows) = _pool.TakeDecided();
        _events.AddRange(events);
        _rows.AddRange(rows);
    }

    private Moment At(string actor = "olga") => new(_now, actor, ++_chance * 0x9E3779B97F4A7C15UL, "i", _now - s_start);
}
