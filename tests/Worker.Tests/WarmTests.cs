using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>Tasks that a fork server starts.</summary>
public sealed class WarmTests : IAsyncLifetime
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

    [Fact]
    public async Task ATask_RunsInAGroupOfItsOwn_WithItsEnvironmentStreamsAndOutput()
    {
        var lease = ForkServer.Task("""
            print("to out"); print("to err", file=sys.stderr)
            env = open("/proc/self/environ", "rb").read().split(b"\0")
            json.dump({
                "group": os.getpgrp() == os.getsid(0) == os.getpid(), "cwd": os.getcwd() == os.environ["FANFARE_CODE"], "task": os.environ["FANFARE_TASK"],
                "server": "FANFARE_WARM_DIR" in os.environ, "input": json.load(open(os.environ["FANFARE_INPUT"]))["run"],
                "shown": ("FANFARE_MARK=" + os.environ["FANFARE_MARK"]).encode() in env, "stdin": sys.stdin.read(),
            }, open(os.environ["FANFARE_OUTPUT"], "w"))
            open(os.environ["FANFARE_ARTIFACTS"] + "/a.txt", "w").write("artifact")
            """);

        var end = await RunAsync(lease);

        Assert.Equal((AttemptOutcome.Succeeded, null), (end.Outcome, end.Error));
        Assert.Equal("""{"group": true, "cwd": true, "task": "work", "server": false, "input": "run1", "shown": true, "stdin": ""}""", end.Output);
        Assert.Equal("a.txt", Assert.Single(end.Artifacts!).Name);
        var log = Encoding.UTF8.GetString(_gateway.Logs[lease.Token]);
        Assert.Contains("to out", log, StringComparison.Ordinal);
        Assert.Contains("to err", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TasksOfAKind_ShareAServer_AndOthersHaveTheirOwn()
    {
        var first = await ServerAsync(ForkServer.Task(Tell));
        var second = await ServerAsync(ForkServer.Task(Tell, lease: l => l with { Parameters = """{"n": 7}""" }));
        var third = await ServerAsync(ForkServer.Task(Tell, step: s => s with { Env = [new EnvSpec("MODE", "fast", null)] }));

        Assert.Equal(first, second);
        Assert.NotEqual(first, third);
    }

    [Theory]
    [InlineData("sys.exit(7)", 7, "exit code 7")]
    [InlineData("os.kill(os.getpid(), signal.SIGKILL)", 137, "SIGKILL")]
    [InlineData("print('why', file=sys.stderr); sys.exit(1)", 1, "why")]
    public async Task AnEnd_IsToldAsThatOfAFreshProcess(string python, int code, string words)
    {
        var end = await RunAsync(ForkServer.Task(python));

        Assert.Equal(("exit", code), (end.Error!.Type, end.Error.ExitCode));
        Assert.Contains(words, end.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_IsKeptInMetaflowsForm_WhereTheTaskAsksForIt_AndAnEmptyStreamLeavesNoFile()
    {
        var lease = ForkServer.Task("print('one'); print('two'); sys.stdout.write('no end')", Keep);

        Assert.Equal(AttemptOutcome.Succeeded, (await RunAsync(lease)).Outcome);

        var kept = (await File.ReadAllTextAsync(In("logs/0.task_stdout.log"))).Split('\n');
        Assert.All(kept, line => Assert.Matches(@"^\[MFLOG\|0\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\|task\|[0-9a-f-]{36}\]", line));
        Assert.Equal(["one", "two", "no end"], kept.Select(line => line[(line.IndexOf(']', StringComparison.Ordinal) + 1)..]));
        Assert.Equal(3, kept.Select(line => line.Split('|')[2]).Distinct().Count());
        Assert.Equal(kept.Order(StringComparer.Ordinal), kept);
        Assert.False(File.Exists(In("logs/0.task_stderr.log")));
        Assert.Contains("no end", Encoding.UTF8.GetString(_gateway.Logs[lease.Token]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhereOutputCannotBeKept_TheTaskGoesOn_AndTheLogSaysSo()
    {
        await File.WriteAllTextAsync(In("logs"), "in the way");
        var lease = ForkServer.Task("print('one')", Keep);

        Assert.Equal(AttemptOutcome.Succeeded, (await RunAsync(lease)).Outcome);

        var log = Encoding.UTF8.GetString(_gateway.Logs[lease.Token]);
        Assert.Contains("one", log, StringComparison.Ordinal);
        Assert.Contains("Metaflow's copy of the log ends early", log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("os.kill(os.getpid(), signal.SIGSEGV)", 139, true)]
    [InlineData("os.kill(os.getpid(), signal.SIGKILL)", 137, true)]
    [InlineData("os._exit(5)", 5, false)]
    [InlineData("os.close(status); os._exit(120)", 120, false)]
    public async Task AnEndThatATaskCouldNotTell_IsToldByItsServer_AndWhatComesAfterASignalByAnotherProcess(string python, int code, bool mourned)
    {
        var lease = ForkServer.Task(python, Keep);

        var end = await RunAsync(lease);

        Assert.Equal(("exit", code), (end.Error!.Type, end.Error.ExitCode));
        Assert.Equal(mourned, Encoding.UTF8.GetString(_gateway.Logs.GetValueOrDefault(lease.Token) ?? []).Contains($"mourns {code}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ATaskThatIsCancelled_IsMournedWithinItsGrace()
    {
        var file = In("pid");
        var lease = ForkServer.Task($"open('{file}', 'w').write('%d\\n' % os.getpid())\nwhile True: signal.pause()", Keep);
        _gateway.Offer(lease);
        await Procs.PidFromAsync(file);

        _gateway.Cancel(lease.Token);

        Assert.Equal(AttemptOutcome.Cancelled, (await _gateway.FinishedAsync(lease.Token)).Outcome);
        Assert.Contains("mourns 143", Encoding.UTF8.GetString(_gateway.Logs[lease.Token]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATimeout_EndsTheWholeGroup()
    {
        var file = Path.Combine(_worker.Root, "pid");
        var end = await RunAsync(ForkServer.Task($"""
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0: open("{file}", "w").write("%d\n" % os.getpid())
            while True: signal.pause()
            """, step: s => s with { Timeout = TimeSpan.FromSeconds(1), Grace = TimeSpan.FromMilliseconds(200) }));

        Assert.Equal("timeout", end.Error!.Type);
        await Procs.GoneAsync(await Procs.PidFromAsync(file));
    }

    [Fact]
    public async Task WhatLeavesTheGroupWithoutAnExec_IsFoundByItsMark()
    {
        var file = Path.Combine(_worker.Root, "pid");
        var end = await RunAsync(ForkServer.Task($"""
            if os.fork() == 0:
                os.setsid()
                open("{file}", "w").write("%d\n" % os.getpid())
                for descriptor in (0, 1, 2, status): os.close(descriptor)
                while True: signal.pause()
            while not os.path.exists("{file}"): pass
            """));

        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        await Procs.GoneAsync(await Procs.PidFromAsync(file));
    }

    [Fact]
    public async Task TheServersDeath_CostsNoTask_AndTheNextHasAnother()
    {
        var (file, go) = (Path.Combine(_worker.Root, "pid"), Path.Combine(_worker.Root, "go"));
        var running = ForkServer.Task($"""
            open("{file}", "w").write("%d\n" % loaded)
            while not os.path.exists("{go}"): pass
            json.dump(1 and dict(server=loaded), open(os.environ["FANFARE_OUTPUT"], "w"))
            """);
        _gateway.Offer(running);
        var server = await Procs.PidFromAsync(file);

        Procs.Kill(server, "KILL");
        await Procs.GoneAsync(server);
        var next = await ServerAsync(ForkServer.Task(Tell));
        await File.WriteAllTextAsync(go, "");

        var end = await _gateway.FinishedAsync(running.Token);
        Assert.Equal((AttemptOutcome.Succeeded, $$"""{"server": {{server}}}"""), (end.Outcome, end.Output));
        Assert.NotEqual(server, next);
    }

    [Theory]
    [InlineData("print('unfit a thread runs', file=answers, flush=True); sys.exit()", "because a thread runs.")]
    [InlineData("print('I am broken', file=sys.stderr); sys.exit(3)", "because the fork server ended with exit code 3 before it was ready.")]
    [InlineData("print('hello', file=answers, flush=True)", "because the fork server said 'hello' instead of 'ready'.")]
    public async Task AServerThatCannotServe_IsNamedOnce_AndTasksStartCold(string load, string why)
    {
        foreach (var _ in (int[])[1, 2])
        {
            var lease = ForkServer.Task(Tell, load);
            Assert.Equal(AttemptOutcome.Succeeded, (await RunAsync(lease)).Outcome);
            Assert.Contains("cold", Encoding.UTF8.GetString(_gateway.Logs[lease.Token]), StringComparison.Ordinal);
        }

        Assert.Equal($"Tasks of flow.work start cold, {why}", Assert.Single(_worker.Log, line => line.Contains("start cold", StringComparison.Ordinal)));
        if (load.Contains("broken", StringComparison.Ordinal)) Assert.Contains("Fork server of flow.work: I am broken", _worker.Log);
    }

    [Fact]
    public async Task AServerThatBreaksAgainAndAgain_IsGivenUp()
    {
        // It ends at its first request.
        const string load = "requests = iter([])";
        for (var i = 0; i < 3; i++) Assert.Equal(AttemptOutcome.Succeeded, (await RunAsync(ForkServer.Task(Tell, load))).Outcome);

        Assert.Single(_worker.Log, line => line.Contains("start cold, because the fork server", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ATaskThatIsCancelledWhileItsServerLoads_Ends()
    {
        var (file, go) = (Path.Combine(_worker.Root, "pid"), Path.Combine(_worker.Root, "go"));
        var load = $"""
            open("{file}", "w").write("%d\n" % os.getpid())
            while not os.path.exists("{go}"): pass
            """;
        var cancelled = ForkServer.Task(Tell, load);
        _gateway.Offer(cancelled);
        var server = await Procs.PidFromAsync(file);

        _gateway.Cancel(cancelled.Token);
        Assert.Equal(AttemptOutcome.Cancelled, (await _gateway.FinishedAsync(cancelled.Token)).Outcome);
        await File.WriteAllTextAsync(go, "");

        // The server is the next one's.
        Assert.Equal(server, await ServerAsync(ForkServer.Task(Tell, load)));
    }

    [Fact]
    public async Task ServersBeyondTheLimit_MakeRoom_TheLeastRecentlyUsedFirst()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { WarmServers = 2 });
        var first = await ServerAsync(ForkServer.Task(Tell, "a = 1"), gateway);
        var second = await ServerAsync(ForkServer.Task(Tell, "a = 2"), gateway);
        Assert.Equal(first, await ServerAsync(ForkServer.Task(Tell, "a = 1"), gateway));

        await ServerAsync(ForkServer.Task(Tell, "a = 3"), gateway);

        await Procs.GoneAsync(second);
        Assert.True(Procs.IsRunning(first));
        await worker.StopAsync();
        await Procs.GoneAsync(first);
    }

    [Fact]
    public async Task WithoutServers_EveryTaskStartsCold()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { WarmServers = 0 });
        var lease = ForkServer.Task(Tell);

        await RunAsync(lease, gateway);

        Assert.Contains("cold", Encoding.UTF8.GetString(gateway.Logs[lease.Token]), StringComparison.Ordinal);
    }

    private const string Tell = "json.dump(dict(server=loaded), open(os.environ['FANFARE_OUTPUT'], 'w'))";

    /// <summary>Has the worker keep the output, too.</summary>
    private string Keep => $"logs = dict(stdout='{In("logs/0.task_stdout.log")}', stderr='{In("logs/0.task_stderr.log")}')";

    private string In(string name) => Path.Combine(_worker.Root, name);

    private async Task<int> ServerAsync(Lease lease, FakeGateway? gateway = null)
    {
        var end = await RunAsync(lease, gateway);
        Assert.True(end.Outcome == AttemptOutcome.Succeeded, end.Error?.Message);
        return JsonDocument.Parse(end.Output!).RootElement.GetProperty("server").GetInt32();
    }

    private Task<FinishedAttempt> RunAsync(Lease lease, FakeGateway? gateway = null)
    {
        gateway ??= _gateway;
        gateway.Offer(lease);
        return gateway.FinishedAsync(lease.Token);
    }
}
