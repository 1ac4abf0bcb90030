using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>Timeout, cancel, and what tasks leave behind.</summary>
public sealed class EndingTests : IAsyncLifetime
{
    private FakeGateway _gateway = null!;
    private TestWorker _worker = null!;

    public async Task InitializeAsync()
    {
        _gateway = await FakeGateway.StartAsync();
        _worker = new TestWorker([_gateway]);
    }

    public async Task DisposeAsync()
    {
        await _worker.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    private string File(string name) => Path.Combine(_worker.Root, name);

    [Fact]
    public async Task ATimeout_EndsTheWholeGroup_GrandchildrenThatIgnoreSigtermIncluded()
    {
        var lease = A.Task(
            $"(trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {File("grandchild")}; while :; do sleep 0.1; done' & echo $! > {File("child")}; wait) & echo $$ > {File("leader")}; wait",
            s => s with { Timeout = TimeSpan.FromSeconds(1), Grace = TimeSpan.FromMilliseconds(300) });

        _gateway.Offer(lease);
        var pids = new List<int>();
        foreach (var name in (string[])["leader", "child", "grandchild"]) pids.Add(await Procs.PidFromAsync(File(name)));
        var end = await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Failed, end.Outcome);
        Assert.Equal("timeout", end.Error!.Type);
        Assert.InRange((end.EndedAt - end.StartedAt!.Value).TotalSeconds, 0.9, 5);
        foreach (var pid in pids) await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task AtATimeout_ATaskMayUseItsGraceToFinishInOrder()
    {
        var lease = A.Task("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done", s => s with { Timeout = TimeSpan.FromMilliseconds(500), Grace = TimeSpan.FromSeconds(20) });

        _gateway.Offer(lease);
        var end = await _gateway.FinishedAsync(lease.Token);

        Assert.Equal("timeout", end.Error!.Type);
        Assert.Contains(_gateway.Log(lease.Token), l => l.Text == "saved");
        Assert.True(end.EndedAt - end.StartedAt < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task ACancel_EndsTheGroup_AndIsReportedAsCancelled()
    {
        var lease = A.Task($"sleep 1000 & echo $! > {File("pid")}; wait");
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        _gateway.Cancel(lease.Token, "the run was cancelled");
        var end = await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Cancelled, end.Outcome);
        Assert.Contains("the run was cancelled", end.Error!.Message);
        await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task ACancelOfAStoppedProcess_KillsItAfterTheGrace()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; kill -STOP $$; sleep 1000", s => s with { Grace = TimeSpan.FromMilliseconds(200) });
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        _gateway.Cancel(lease.Token);

        Assert.Equal(AttemptOutcome.Cancelled, (await _gateway.FinishedAsync(lease.Token)).Outcome);
        await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task AVoidLease_IsEndedAndReportedAsLost()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; sleep 1000");
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        _gateway.Cancel(lease.Token, "leased to another", isVoid: true);

        Assert.Equal(AttemptOutcome.Lost, (await _gateway.FinishedAsync(lease.Token)).Outcome);
        await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task UploadsRefusedAsVoid_EndTheTask()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; echo text; sleep 1000");
        _gateway.VoidTokens[lease.Token] = true;
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        var end = await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Lost, end.Outcome);
        Assert.Equal("lease_void", end.Error!.Type);
        await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task AChildThatOutlivesItsTask_IsEnded_AndHoldsNothingUp()
    {
        var lease = A.Task($"sleep 1000 & echo $! > {File("pid")}; echo done");
        var clock = Stopwatch.StartNew();
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        var end = await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 8);
        Assert.Contains(_gateway.Log(lease.Token), l => l.Text == "done");
        await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task ADaemonThatLeavesItsSession_IsFoundAndEnded()
    {
        var lease = A.Task($"setsid sh -c 'echo $$ > {File("pid")}; trap \"\" TERM HUP; while :; do sleep 0.1; done' & while [ ! -s {File("pid")} ]; do sleep 0.02; done; echo done");
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        var end = await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task ADaemonThatLeftItsSession_AndClosedItsOutput_IsFoundAndEnded()
    {
        var lease = A.Task($"setsid sh -c 'echo $$ > {File("pid")}; exec sleep 1000' >/dev/null 2>&1 & while [ ! -s {File("pid")} ]; do sleep 0.02; done");
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        await _gateway.FinishedAsync(lease.Token);

        await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task AStop_EndsAllTasks_AndReportsThemAsLost()
    {
        var lease = A.Task($"trap '' TERM; sh -c 'echo $$ > {File("pid")}; sleep 1000'", s => s with { Grace = TimeSpan.FromMilliseconds(200) });
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        await _worker.StopAsync();

        Assert.False(Procs.IsRunning(pid));
        var end = await _gateway.FinishedAsync(lease.Token);
        Assert.Equal(AttemptOutcome.Lost, end.Outcome);
        Assert.Equal("worker_stopped", end.Error!.Type);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_worker.Root, "work", "tasks")));
    }

    [Fact]
    public async Task AStop_WhileTheGatewayIsAway_StillEnds()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; echo text; sleep 1000");
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));
        await _gateway.DownAsync();

        var clock = Stopwatch.StartNew();
        await _worker.StopAsync();

        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 8);
        Assert.False(Procs.IsRunning(pid));
        await _gateway.UpAsync();
    }

    [Fact]
    public async Task ADrain_LetsTasksEnd_AndTakesNoMore()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; while [ ! -e {File("go")} ]; do sleep 0.02; done; echo '{{\"ok\":true}}' > $FANFARE_OUTPUT");
        var late = A.Task("true");
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));

        var drained = _worker.Agent.DrainAsync(TimeSpan.FromSeconds(30));
        _gateway.Offer(late);
        await System.IO.File.WriteAllTextAsync(File("go"), "");
        await drained.WaitAsync(TimeSpan.FromSeconds(15));

        Assert.True(_worker.Running.IsCompletedSuccessfully || await Task.WhenAny(_worker.Running, Task.Delay(5000)) == _worker.Running);
        Assert.Equal("""{"ok":true}""", _gateway.Finished[lease.Token].Output);
        Assert.True(!_gateway.Finished.TryGetValue(late.Token, out var handedBack) || handedBack.Outcome == AttemptOutcome.Lost);
    }

    [Fact]
    public async Task ADrainBeyondItsLimit_StopsTheTasks()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; sleep 1000");
        _gateway.Offer(lease);
        var pid = await Procs.PidFromAsync(File("pid"));

        await _worker.Agent.DrainAsync(TimeSpan.FromMilliseconds(300)).WaitAsync(TimeSpan.FromSeconds(15));

        Assert.False(Procs.IsRunning(pid));
        Assert.Equal("worker_stopped", (await _gateway.FinishedAsync(lease.Token)).Error!.Type);
    }
}
