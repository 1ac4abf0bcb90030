using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>A worker that does not wait for ever for its servers.</summary>
public sealed class LeaveTests
{
    private static readonly TimeSpan PollWait = TimeSpan.FromMilliseconds(200), LeaveAfter = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task AWorkerWhoseServersAreGone_Leaves_AndItsTasksEndWithIt()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var other = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway, other], o => o with { PollWait = PollWait, LeaveAfter = LeaveAfter });
        var task = A.Task($"echo $$ > {worker.Root}/pid; exec sleep 1000");
        gateway.Offer(task);
        other.Offer(task);
        var pid = await Procs.PidFromAsync($"{worker.Root}/pid");

        // One of them is enough.
        await gateway.DownAsync();
        var polls = other.Polls.Count;
        await other.UntilAsync(() => other.Polls.Count > polls + 20, "polls at the other for more than the time after which it leaves");
        Assert.False(worker.Running.IsCompleted);
        await other.DownAsync();
        await worker.Running.WaitAsync(TimeSpan.FromSeconds(60));

        await worker.LoggedAsync("Worker w1 ends: no server has answered for 00:00:03", 1);
        Assert.False(Procs.IsRunning(pid));
    }

    [Fact]
    public async Task AWorkerWhoseServersAddressIsAnothersNow_Leaves()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { PollWait = PollWait, LeaveAfter = LeaveAfter });
        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "a poll");

        gateway.Refuses = 404;
        await worker.Running.WaitAsync(TimeSpan.FromSeconds(60));

        await worker.LoggedAsync("Worker w1 ends: ", 1);
    }

    [Fact]
    public async Task AWorkerWhoseServerIsNotReady_OrAnswers_Stays()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { PollWait = PollWait, LeaveAfter = TimeSpan.FromSeconds(6) });
        var before = DateTimeOffset.UtcNow;

        await gateway.UntilAsync(() => gateway.Polls.Count > 0 && DateTimeOffset.UtcNow - before > TimeSpan.FromSeconds(7), "polls for more than the time after which it leaves");
        gateway.Refuses = 503;
        gateway.RetryAfterSeconds = 1;
        await gateway.UntilAsync(() => gateway.RefusedCount >= 8, "refusals for more than the time after which it leaves");

        Assert.False(worker.Running.IsCompleted);
    }
}
