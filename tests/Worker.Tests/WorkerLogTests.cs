using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>What a worker logs of its attempts, and with how much weight.</summary>
public sealed class WorkerLogTests : IAsyncLifetime
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
    public async Task AnAttempt_SaysThatItStarts_Runs_AndHowItEnded_ForWhoAsksForMore()
    {
        var lease = A.Task("true", lease: l => l with { Name = "work[1]", Attempt = 2 });
        _gateway.Offer(lease);

        var said = await UntilEndAsync(lease);

        Assert.Equal(3, said.Count);
        Assert.All(said, line => Assert.Equal(LogSeverity.Debug, line.Level));
        Assert.Equal("Attempt 2 of work[1] in run run1 starts.", said[0].Text);
        Assert.Matches(@"^Attempt 2 of work\[1\] in run run1 runs as process group \d+, started cold\.$", said[1].Text);
        Assert.Matches(@"^Attempt 2 of work\[1\] in run run1 succeeded after \d+(\.\d+)? s\.$", said[2].Text);
    }

    [Fact]
    public async Task AFailure_IsToldWithoutTheTasksOutput()
    {
        var lease = A.Task("echo a-secret-maybe >&2; exit 7");
        _gateway.Offer(lease);

        var said = await UntilEndAsync(lease);

        Assert.EndsWith(" s: exit, exit code 7.", said[^1].Text, StringComparison.Ordinal);
        Assert.DoesNotContain(said, line => line.Text.Contains("a-secret-maybe", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ACancel_ThatTheTaskDoesNotHeed_IsFollowedToItsKill()
    {
        var lease = A.Task($"trap '' TERM; echo $$ > {File("pid")}; while :; do sleep 0.05; done", s => s with { Grace = TimeSpan.FromMilliseconds(200) });
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));

        _gateway.Cancel(lease.Token, "anna cancelled the run");
        var said = await UntilEndAsync(lease);

        Assert.Equal((LogSeverity.Debug, "Attempt 0 of work in run run1 is to end: anna cancelled the run."), Single(said, " is to end: "));
        Assert.Matches(@"gets SIGTERM, and SIGKILL in 0(\.\d+)? s\.$", Single(said, " gets SIGTERM").Text);
        Assert.Equal(LogSeverity.Information, Single(said, " did not end within its grace, and was killed.").Level);
        Assert.Equal(LogSeverity.Debug, Single(said, " was cancelled after ").Level);
    }

    [Fact]
    public async Task ATaskThatHeedsSigterm_IsNotSaidToHaveBeenKilled()
    {
        var lease = A.Task($"trap 'exit 0' TERM; echo $$ > {File("pid")}; while :; do sleep 0.05; done", s => s with { Grace = TimeSpan.FromSeconds(20) });
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));

        _gateway.Cancel(lease.Token);
        var said = await UntilEndAsync(lease);

        Single(said, " gets SIGTERM");
        Assert.DoesNotContain(said, line => line.Text.Contains("killed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ALeaseThatIsLost_IsAWarning()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; sleep 1000");
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));

        _gateway.Cancel(lease.Token, "leased to another", isVoid: true);
        var said = await UntilEndAsync(lease);

        Assert.Equal((LogSeverity.Warning, "Attempt 0 of work in run run1 is to end: leased to another."), Single(said, " is to end: "));
        var end = Single(said, " was lost after ");
        Assert.Equal(LogSeverity.Warning, end.Level);
        Assert.EndsWith(" s: lease_void. leased to another", end.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATimeout_IsTold()
    {
        var lease = A.Task("sleep 1000", s => s with { Timeout = TimeSpan.FromMilliseconds(300) });
        _gateway.Offer(lease);

        var said = await UntilEndAsync(lease);

        Assert.Equal((LogSeverity.Information, "Attempt 0 of work in run run1 is to end: it ran longer than its timeout of 0.3 s."), Single(said, " is to end: "));
    }

    [Fact]
    public async Task WhatDoesNotFit_IsSaidToBeHandedBack()
    {
        var lease = A.Task("true", s => s with { Resources = s.Resources with { Cpu = 100 } });
        _gateway.Offer(lease);
        await _gateway.FinishedAsync(lease.Token);

        var said = Of(lease);

        Assert.Equal((LogSeverity.Information, true), (said.Single().Level, said.Single().Text.StartsWith("Attempt 0 of work in run run1 was handed back before it was started: over_capacity. ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task AWorkerThatStops_SaysWhatItCost_WithoutAlarm()
    {
        var lease = A.Task($"echo $$ > {File("pid")}; sleep 1000");
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));

        await _worker.StopAsync();
        var said = Of(lease);

        Assert.Equal((LogSeverity.Information, "Attempt 0 of work in run run1 is to end: Worker w1 was stopped."), Single(said, " is to end: "));
        Assert.Equal(LogSeverity.Information, Single(said, " was lost after ").Level);
    }

    [Fact]
    public async Task AMistakeOfTheWorker_IsAnError_ThatNamesTheAttempt()
    {
        await using var worker = new TestWorker([_gateway], o => o with { Name = "w2" }, new Broken());
        await _worker.StopAsync();
        var lease = A.Task("true");
        _gateway.Offer(lease);

        await _gateway.FinishedAsync(lease.Token);

        var error = Assert.Single(worker.Book.Lines, line => line.Level == LogSeverity.Error);
        Assert.Equal(lease.Token, error.About!.Token);
        Assert.StartsWith("Attempt 0 of work in run run1 meets a mistake of the worker: System.NotSupportedException: no such way", error.Text, StringComparison.Ordinal);
    }

    private IReadOnlyList<LogBook.Line> Of(Lease lease) => [.. _worker.Book.Lines.Where(line => line.About?.Token == lease.Token)];

    // The end is logged before it is reported.
    private async Task<IReadOnlyList<LogBook.Line>> UntilEndAsync(Lease lease)
    {
        await _gateway.FinishedAsync(lease.Token);
        return Of(lease);
    }

    private static (LogSeverity Level, string Text) Single(IEnumerable<LogBook.Line> lines, string part)
    {
        var line = Assert.Single(lines, line => line.Text.Contains(part, StringComparison.Ordinal));
        return (line.Level, line.Text);
    }

    private sealed class Broken : ITaskExecutor
    {
        public Task<FinishedAttempt> RunAsync(TaskAssignment assignment) => throw new NotSupportedException("no such way");
    }
}
