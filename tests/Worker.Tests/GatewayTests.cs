using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Worker.Gateways;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>Polling, and gateways that fail.</summary>
public sealed class GatewayTests
{
    [Fact]
    public async Task Polls_CarryBootCapacityTokenAndARisingSequence_AndListWhatIsHeld()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { Token = "secret-token", Queues = ["default", "gpu"], PollWait = TimeSpan.FromMilliseconds(300) });
        var lease = A.Task("sleep 1000", s => s with { Resources = new ResourceSpec(3, 1L << 30, 0, 0), Grace = TimeSpan.Zero });
        gateway.Offer(lease);

        await gateway.UntilAsync(() => gateway.Polls.Count(p => p.Held.Count == 1) >= 3, "polls that list the lease");

        Assert.All(gateway.Authorizations, a => Assert.Equal("Bearer secret-token", a));
        Assert.All(gateway.Polls, p => Assert.Equal((worker.Agent.Boot, "w1"), (p.Boot, p.Worker)));
        Assert.Equal(Enumerable.Range(1, gateway.Polls.Count).Select(i => (long)i), gateway.Polls.Select(p => p.Sequence));
        Assert.Equal(["default", "gpu"], gateway.Polls[0].Queues);
        var last = gateway.Polls[^1];
        Assert.Equal(new HeldLease(lease.Task, lease.Token), Assert.Single(last.Held));
        Assert.Equal(1, last.Free.Cpu);
        Assert.Equal(last.Capacity.MemoryBytes - (1L << 30), last.Free.MemoryBytes);
        Assert.Equal(1, last.MaxLeases);
        Assert.Equal(4, gateway.Polls[0].MaxLeases);
    }

    [Fact]
    public async Task AnAttemptThatEndsWhileAPollIsParked_IsReportedAtOnce()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task("sleep 0.3");
        var clock = Stopwatch.StartNew();
        gateway.Offer(lease);

        await gateway.FinishedAsync(lease.Token);

        Assert.InRange(clock.Elapsed.TotalSeconds, 0.3, 5);
    }

    [Fact]
    public async Task WhatEndsWhileAReportIsOnItsWay_GathersForTheNext()
    {
        await using var gateway = await FakeGateway.StartAsync();
        gateway.ReportDelay = TimeSpan.FromMilliseconds(300);
        await using var worker = new TestWorker([gateway], o => o with { Capacity = new ResourceSpec(40, 0, 0, 0) });
        var leases = Enumerable.Range(0, 40).Select(i => A.Task($"sleep 0.{i % 10}")).ToArray();
        gateway.Offer(leases);

        await gateway.UntilAsync(() => gateway.Finished.Count == leases.Length, "all", 30);

        Assert.InRange(gateway.Polls.Count(p => p.Finished.Count > 0), 1, 20);
    }

    [Fact]
    public async Task ALeaseThatComesTwice_RunsOnce()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { PollWait = TimeSpan.FromMilliseconds(100) });
        var go = Path.Combine(worker.Root, "go");
        var lease = A.Task($"echo x >> {worker.Root}/runs; while [ ! -e {go} ]; do sleep 0.02; done");
        gateway.Offer(lease, lease);
        await gateway.UntilAsync(() => gateway.Polls.Any(p => p.Held.Count == 1), "the lease to be held");
        gateway.Offer(lease);
        await gateway.UntilAsync(() => gateway.Polls.Count(p => p.Held.Count == 1) > 3, "more polls");

        await File.WriteAllTextAsync(go, "");
        await gateway.FinishedAsync(lease.Token);
        var polls = gateway.Polls.Count;
        gateway.Offer(lease);
        await gateway.UntilAsync(() => gateway.Polls.Count > polls + 3, "polls after the end");

        Assert.Equal("x\n", await File.ReadAllTextAsync($"{worker.Root}/runs"));
        Assert.All(gateway.Polls.Skip(polls + 1), p => Assert.Empty(p.Held));
    }

    [Fact]
    public async Task AFinishedAttempt_IsListedUntilItIsSettled_AndThenForgotten()
    {
        await using var gateway = await FakeGateway.StartAsync();
        gateway.Settles = false;
        await using var worker = new TestWorker([gateway], o => o with { PollWait = TimeSpan.FromMilliseconds(100) });
        var lease = A.Task("true");
        gateway.Offer(lease);
        await gateway.UntilAsync(() => gateway.Reports.GetValueOrDefault(lease.Token) >= 3, "three reports");

        gateway.Settles = true;
        var reports = gateway.Reports[lease.Token];
        await gateway.UntilAsync(() => gateway.Reports[lease.Token] > reports && gateway.Polls[^1].Finished.Count == 0, "an empty report");
        var polls = gateway.Polls.Count;
        await gateway.UntilAsync(() => gateway.Polls.Count > polls + 2, "more polls");

        Assert.All(gateway.Polls.Skip(polls), p => Assert.Empty(p.Finished));
    }

    [Fact]
    public async Task ALostGateway_LeavesTasksRunning_AndGetsTheResultWhenItIsBack()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var pidFile = Path.Combine(worker.Root, "pid");
        var go = Path.Combine(worker.Root, "go");
        var lease = A.Task($"echo $$ > {pidFile}; while [ ! -e {go} ]; do sleep 0.02; done; echo '{{\"n\":1}}' > $FANFARE_OUTPUT; echo data > $FANFARE_ARTIFACTS/a");
        gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(pidFile);

        await gateway.DownAsync();
        await worker.LoggedAsync("Gateway ", 1);
        Assert.True(Procs.IsRunning(pid));
        await File.WriteAllTextAsync(go, "");
        await Procs.GoneAsync(pid);
        await gateway.UpAsync();
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Equal("""{"n":1}""", end.Output);
        Assert.Contains(worker.Log, l => l.Contains("Tasks keep running"));
        await worker.LoggedAsync("Connected", 2);
    }

    [Fact]
    public async Task PollsAreParkedForAThirdOfTheTermAtMost()
    {
        await using var gateway = await FakeGateway.StartAsync();
        gateway.TermMs = 3000;
        await using var worker = new TestWorker([gateway], o => o with { PollWait = TimeSpan.FromSeconds(10) });
        // The term comes with the first answer.
        gateway.Offer(A.Task("true"));
        await gateway.UntilAsync(() => gateway.Polls.Count > 2, "polls that know the term");

        Assert.Equal(1000, gateway.Polls[^1].WaitMs);
    }

    [Fact]
    public async Task ATaskThatEndedWell_WhoseLogCouldNotBeDeliveredWithinTheTerm_IsLost_NotASuccessWithoutItsLog()
    {
        await using var gateway = await FakeGateway.StartAsync();
        gateway.TermMs = 3000;
        await using var worker = new TestWorker([gateway], o => o with { PollWait = TimeSpan.FromMilliseconds(200) });
        var go = Path.Combine(worker.Root, "go");
        var ended = Path.Combine(worker.Root, "ended");
        var pidFile = Path.Combine(worker.Root, "pid");
        var lease = A.Task($"echo $$ > {pidFile}; while [ ! -e {go} ]; do sleep 0.02; done; echo said; touch {ended}");
        gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(pidFile);

        await gateway.DownAsync();
        var down = System.Diagnostics.Stopwatch.StartNew();
        await File.WriteAllTextAsync(go, "");
        await Procs.GoneAsync(pid);
        Assert.True(File.Exists(ended));
        // The term has to pass, and nothing that could be waited for tells of it.
        while (down.Elapsed < TimeSpan.FromSeconds(4)) await Task.Delay(100);
        await gateway.UpAsync();
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Equal((AttemptOutcome.Lost, "lease_expired"), (end.Outcome, end.Error?.Type));
    }

    [Fact]
    public async Task ATaskWhoseLeaseIsNotRenewedForItsTerm_IsEndedAndReportedAsLost()
    {
        await using var gateway = await FakeGateway.StartAsync();
        gateway.TermMs = 5000;
        await using var worker = new TestWorker([gateway], o => o with { PollWait = TimeSpan.FromMilliseconds(200) });
        var pidFile = Path.Combine(worker.Root, "pid");
        var lease = A.Task($"trap '' TERM; echo $$ > {pidFile}; while :; do sleep 0.1; done");
        gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(pidFile);
        // Held well beyond its term while it is renewed.
        var polls = gateway.Polls.Count;
        await gateway.UntilAsync(() => gateway.Polls.Count > polls + 30, "renewals");
        Assert.True(Procs.IsRunning(pid));

        gateway.Hangs = true;
        var clock = Stopwatch.StartNew();
        await Procs.GoneAsync(pid);
        Assert.InRange(clock.Elapsed.TotalSeconds, 2, 7);

        gateway.Hangs = false;
        var end = await gateway.FinishedAsync(lease.Token);
        Assert.Equal(AttemptOutcome.Lost, end.Outcome);
        Assert.Equal("lease_expired", end.Error!.Type);
    }

    [Fact]
    public async Task WithTwoGateways_TheOtherTakesOver_WhenOneGoesDown()
    {
        await using var first = await FakeGateway.StartAsync();
        await using var second = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([first, second]);
        await first.UntilAsync(() => first.Polls.Count > 0, "a poll at the first");
        Assert.Empty(second.Polls);

        await first.DownAsync();
        var lease = A.Task("echo here");
        second.Offer(lease);

        Assert.Equal(AttemptOutcome.Succeeded, (await second.FinishedAsync(lease.Token)).Outcome);
        Assert.Equal("here", Assert.Single(second.Log(lease.Token)).Text);
    }

    [Fact]
    public async Task WithTwoGateways_OneThatHangs_IsGivenUpASecondAfterThePollWait()
    {
        await using var first = await FakeGateway.StartAsync();
        await using var second = await FakeGateway.StartAsync();
        first.Hangs = true;
        var clock = Stopwatch.StartNew();
        await using var worker = new TestWorker([first, second], o => o with { PollWait = TimeSpan.FromMilliseconds(300) });

        await second.UntilAsync(() => second.Polls.Count > 0, "a poll at the second");

        Assert.InRange(clock.Elapsed.TotalSeconds, 1.2, 4);
    }

    [Theory]
    [InlineData(503)]
    [InlineData(429)]
    public async Task ABusyGateway_IsLeftAloneForAsLongAsItAsks(int status)
    {
        await using var gateway = await FakeGateway.StartAsync();
        gateway.Refuses = status;
        gateway.RetryAfterSeconds = 2;
        await using var worker = new TestWorker([gateway]);
        await gateway.UntilAsync(() => gateway.RefusedCount == 1, "the first refusal");
        gateway.Refuses = null;
        var clock = Stopwatch.StartNew();

        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "the next poll");

        Assert.InRange(clock.Elapsed.TotalSeconds, 1.7, 5);
        Assert.Equal(1, gateway.RefusedCount);
    }

    [Fact]
    public async Task OfServersThatShareTheWork_AWorkerHasOneOfItsOwn_AndGoesBackToItAfterAFailure()
    {
        await using var first = await FakeGateway.StartAsync();
        await using var own = await FakeGateway.StartAsync();
        first.Servers = own.Servers = 2;
        await using var worker = new TestWorker([first, own], o => o with { Name = NameAt(1, first, own), PollWait = TimeSpan.FromMilliseconds(300) });
        await first.UntilAsync(() => first.Polls.Count > 0, "a poll at the first of the list");

        await own.UntilAsync(() => own.Polls.Count > 3, "polls at its own");
        var before = first.Polls.Count;
        await own.DownAsync();
        await first.UntilAsync(() => first.Polls.Count > before + 3, "polls at the other");
        before = own.Polls.Count;
        await own.UpAsync();
        await own.UntilAsync(() => own.Polls.Count > before + 3, "polls at its own again");
    }

    [Fact]
    public async Task WhereOneServerDoesTheWork_AWorkerStaysAtWhicheverAnswers()
    {
        await using var first = await FakeGateway.StartAsync();
        await using var other = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([first, other], o => o with { Name = NameAt(0, first, other), PollWait = TimeSpan.FromMilliseconds(300) });
        await first.UntilAsync(() => first.Polls.Count > 0, "a poll");

        await first.DownAsync();
        await other.UntilAsync(() => other.Polls.Count > 0, "a poll at the other");
        await first.UpAsync();
        var before = first.Polls.Count;
        // Longer than it would take to go back.
        await other.UntilAsync(() => other.Polls.Count > 60, "many polls");

        Assert.Equal(before, first.Polls.Count);
    }

    [Fact]
    public void WorkersWithTheSameList_SpreadOverIt()
    {
        Uri[] addresses = [new("http://a:7433"), new("http://b:7433"), new("http://c:7433")];
        var homes = Enumerable.Range(0, 300).Select(i => HomeOf($"worker-{i}", addresses)).ToList();

        Assert.All(addresses, address => Assert.InRange(homes.Count(home => home.Host == address.Host), 70, 130));
        // In whatever order it is written; and a further server takes from all, and moves nothing between the others.
        Assert.Equal(homes, Enumerable.Range(0, 300).Select(i => HomeOf($"worker-{i}", [.. addresses.Reverse()])));
        Assert.All(Enumerable.Range(0, 300), i => Assert.Contains(HomeOf($"worker-{i}", [.. addresses, new("http://d:7433")]).Host, new[] { homes[i].Host, "d" }));
    }

    private static Uri HomeOf(string worker, IReadOnlyList<Uri> addresses)
    {
        var servers = new ServerList(addresses, worker, TimeProvider.System, new LogBook());
        Assert.Null(servers.Home);
        servers.Spread();
        return servers.Home?.Address ?? servers.Current;
    }

    private static string NameAt(int place, params FakeGateway[] gateways) =>
        Enumerable.Range(0, 1000).Select(i => $"w{i}").First(name => HomeOf(name, [.. gateways.Select(g => g.Address)]) == gateways[place].Address);

    [Fact]
    public async Task AGatewayThatRefusesConnections_IsNotHammered()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await gateway.DownAsync();
        await using var worker = new TestWorker([gateway]);
        gateway.Refuses = 500;
        await gateway.UpAsync();
        await gateway.UntilAsync(() => gateway.RefusedCount >= 4, "some tries");

        // Each thing that is wrong is told once: no connection, then the status.
        Assert.InRange(worker.Log.Count(l => l.Contains("failed:")), 1, 2);
        gateway.Refuses = null;
        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "a poll");
    }

    [Fact]
    public async Task AGatewayThatParksNoPolls_IsNotAskedWithoutPause()
    {
        await using var gateway = await FakeGateway.StartAsync();
        gateway.Parks = false;
        await using var worker = new TestWorker([gateway]);
        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "the first poll");
        var clock = Stopwatch.StartNew();

        await gateway.UntilAsync(() => gateway.Polls.Count > 20, "twenty more");

        Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 60);
    }

    [Fact]
    public async Task MoreLeasesThanFit_WaitForRoom_AndNeverRunTogether()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { Capacity = new ResourceSpec(4, 0, 0, 0) });
        var script = $"mkdir {worker.Root}/exclusive || exit 9; sleep 0.1; rmdir {worker.Root}/exclusive";
        var leases = Enumerable.Range(0, 4).Select(_ => A.Task(script, s => s with { Resources = new ResourceSpec(3, 0, 0, 0) })).ToArray();

        // All four come with one poll, since it has room for four of one core.
        gateway.Offer(leases);
        await gateway.UntilAsync(() => gateway.Finished.Count == 4, "all four");

        Assert.All(gateway.Finished.Values, f => Assert.Equal(AttemptOutcome.Succeeded, f.Outcome));
    }

    [Fact]
    public async Task Gpus_AreAssignedToOneTaskAtATime()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { Capacity = new ResourceSpec(8, 0, 3, 0) });
        var two = A.Task("sleep 0.5; echo \"[$CUDA_VISIBLE_DEVICES]\"", s => s with { Resources = new ResourceSpec(1, 0, 2, 0) });
        var one = A.Task("sleep 0.5; echo \"[$CUDA_VISIBLE_DEVICES]\"", s => s with { Resources = new ResourceSpec(1, 0, 1, 0) });
        var none = A.Task("sleep 0.5; echo \"[$CUDA_VISIBLE_DEVICES]\"");

        gateway.Offer(two, one, none);
        await gateway.UntilAsync(() => gateway.Finished.Count == 3, "all three");

        Assert.Equal(["[0,1]", "[2]", "[]"], new[] { two, one, none }.Select(l => gateway.Log(l.Token).Single().Text));
    }
}
