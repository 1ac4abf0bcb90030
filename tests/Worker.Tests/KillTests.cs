using System.Diagnostics;
using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>A worker in a process of its own, killed.</summary>
public sealed class KillTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("fanfare-kill-").FullName;
    private readonly List<Process> _hosts = [];

    public void Dispose()
    {
        foreach (var host in _hosts)
        {
            if (!host.HasExited) host.Kill();
            host.Dispose();
        }
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task AKilledWorker_LeavesNoProcess()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var host = Host(gateway);
        gateway.Offer(
            A.Task($"trap '' TERM HUP; sh -c 'echo $$ > {_root}/a; sleep 1000'; sleep 1000"),
            A.Task($"echo $$ > {_root}/b; exec sleep 1000"),
            A.Task($"setsid sh -c 'echo $$ > {_root}/c; exec sleep 1000' & sleep 1000"));
        var pids = new List<int>();
        foreach (var name in (string[])["a", "b", "c"]) pids.Add(await Procs.PidFromAsync($"{_root}/{name}"));

        host.Kill(entireProcessTree: false);

        foreach (var pid in pids) await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task AKilledWorker_LeavesNoForkServer_AndNothingThatItForked()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var host = Host(gateway);
        gateway.Offer(
            ForkServer.Task($"""
                open("{_root}/server", "w").write("%d\n" % loaded)
                open("{_root}/a", "w").write("%d\n" % os.getpid())
                while True: signal.pause()
                """),
            ForkServer.Task($"""
                if os.fork() == 0:
                    os.setsid()
                    open("{_root}/b", "w").write("%d\n" % os.getpid())
                while True: signal.pause()
                """));
        var pids = new List<int>();
        foreach (var name in (string[])["server", "a", "b"]) pids.Add(await Procs.PidFromAsync($"{_root}/{name}"));

        host.Kill(entireProcessTree: false);

        foreach (var pid in pids) await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task AWorkerKilledAtAnyMoment_LeavesNoProcess()
    {
        var random = new Random(20260);
        for (var round = 0; round < 5; round++)
        {
            await using var gateway = await FakeGateway.StartAsync();
            var host = Host(gateway, slots: 16);
            await gateway.UntilAsync(() => gateway.Polls.Count > 0, "the worker's first poll");
            var mark = $"mark{round}x{Environment.ProcessId}";
            gateway.Offer([.. Enumerable.Range(0, 200).Select(i => A.Task($": {mark}; sleep 0.{i % 10}; sleep 0.0{i % 10}"))]);
            await gateway.UntilAsync(() => gateway.Finished.Count > random.Next(1, 60), "some tasks");

            host.Kill(entireProcessTree: false);

            await NoneAsync(mark);
        }
    }

    [Fact]
    public async Task WhenTheGuardDiedWithTheWorker_TheNextWorkerEndsWhatIsLeft_BeforeItsFirstPoll()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var host = Host(gateway);
        gateway.Offer(A.Task($"trap '' TERM; echo $$ > {_root}/a; exec sleep 1000"), A.Task($"setsid sh -c 'echo $$ > {_root}/b; exec sleep 1000' & sleep 1000"));
        var pids = new[] { await Procs.PidFromAsync($"{_root}/a"), await Procs.PidFromAsync($"{_root}/b") };
        // The worker stands still while its guard is killed, so that it cannot start another.
        Procs.Kill(host.Id, "STOP");
        Procs.Kill(GuardOf(host.Id), "KILL");
        host.Kill(entireProcessTree: false);
        await host.WaitForExitAsync();
        Assert.All(pids, pid => Assert.True(Procs.IsRunning(pid)));
        var polls = gateway.Polls.Count;
        bool? ranAtFirstPoll = null;

        var next = Host(gateway);
        await gateway.UntilAsync(() =>
        {
            if (gateway.Polls.Count == polls) return false;
            ranAtFirstPoll ??= pids.Any(Procs.IsRunning);
            return true;
        }, "the next worker's first poll");

        Assert.False(ranAtFirstPoll);
        Assert.NotEqual(gateway.Polls[0].Boot, gateway.Polls[^1].Boot);
        Assert.False(next.HasExited);
    }

    [Fact]
    public async Task WhatADeadWorkerLeft_IsEndedByASweepOfItsDirectory_AndALivingWorkersIsNot()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var host = Host(gateway);
        gateway.Offer(A.Task($"trap '' TERM; echo $$ > {_root}/a; exec sleep 1000"), A.Task($"setsid sh -c 'echo $$ > {_root}/b; exec sleep 1000' & sleep 1000"));
        var pids = new[] { await Procs.PidFromAsync($"{_root}/a"), await Procs.PidFromAsync($"{_root}/b") };
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => WorkerAgent.SweepAsync($"{_root}/work", TimeProvider.System, CancellationToken.None));
        Assert.StartsWith("WorkDirectory:", refused.Message, StringComparison.Ordinal);
        Procs.Kill(host.Id, "STOP");
        Procs.Kill(GuardOf(host.Id), "KILL");
        host.Kill(entireProcessTree: false);
        await host.WaitForExitAsync();
        Assert.All(pids, pid => Assert.True(Procs.IsRunning(pid)));

        var ended = await WorkerAgent.SweepAsync($"{_root}/work", TimeProvider.System, CancellationToken.None);

        Assert.InRange(ended, 2, int.MaxValue);
        foreach (var pid in pids) await Procs.GoneAsync(pid);
        Assert.Equal(0, await WorkerAgent.SweepAsync($"{_root}/work", TimeProvider.System, CancellationToken.None));
        Assert.Equal(0, await WorkerAgent.SweepAsync($"{_root}/none", TimeProvider.System, CancellationToken.None));
        Assert.False(Directory.Exists($"{_root}/none"));
    }

    [Fact]
    public async Task AGuardThatDies_IsReplaced_AndLearnsWhatRuns()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var host = Host(gateway);
        gateway.Offer(A.Task($"echo $$ > {_root}/a; exec sleep 1000"));
        var first = await Procs.PidFromAsync($"{_root}/a");
        var guard = GuardOf(host.Id);
        Procs.Kill(guard, "KILL");
        await Procs.GoneAsync(guard);
        gateway.Offer(A.Task($"echo $$ > {_root}/b; exec sleep 1000"));
        var second = await Procs.PidFromAsync($"{_root}/b");

        host.Kill(entireProcessTree: false);

        await Procs.GoneAsync(first);
        await Procs.GoneAsync(second);
    }

    [Fact]
    public async Task ASigterm_StopsTheWorker_ItsTasksAndItsGuard()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var host = Host(gateway);
        var lease = A.Task($"echo $$ > {_root}/a; exec sleep 1000");
        gateway.Offer(lease);
        var pid = await Procs.PidFromAsync($"{_root}/a");
        var guard = GuardOf(host.Id);

        Procs.Kill(host.Id, "TERM");
        await host.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(15));

        Assert.Equal(0, host.ExitCode);
        await Procs.GoneAsync(pid);
        await Procs.GoneAsync(guard);
        Assert.Equal(AttemptOutcome.Lost, (await gateway.FinishedAsync(lease.Token)).Outcome);
    }

    [Fact]
    public async Task TwoWorkers_NeverShareAWorkDirectory()
    {
        await using var gateway = await FakeGateway.StartAsync();
        Host(gateway);
        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "the first worker's poll");

        var second = Host(gateway, captureErrors: true);
        var errors = await second.StandardError.ReadToEndAsync();
        await second.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(15));

        Assert.Equal(2, second.ExitCode);
        Assert.Contains("is used by another worker", errors);
    }

    private Process Host(FakeGateway gateway, int slots = 4, bool captureErrors = false)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = captureErrors, RedirectStandardOutput = true };
        foreach (var argument in (string[])["exec", typeof(KillTests).Assembly.Location.Replace("Fanfare.Worker.Tests.dll", "Fanfare.Worker.Host.dll"), gateway.Address.ToString(), $"{_root}/work", slots.ToString(CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        var host = Process.Start(start)!;
        host.BeginOutputReadLine();
        _hosts.Add(host);
        return host;
    }

    private static int GuardOf(int host) =>
        Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out var pid) ? pid : 0).Where(p => p > 0)
            .Single(p => Fanfare.Worker.Processes.ProcStat.Read(p)?.Parent == host && File.ReadAllText($"/proc/{p}/cmdline").Contains("fanfare-guard"));

    private static async Task NoneAsync(string mark)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var left = Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])).Where(d =>
            {
                try
                {
                    return File.ReadAllText($"{d}/cmdline").Contains(mark);
                }
                catch (IOException)
                {
                    return false;
                }
            }).ToList();
            if (left.Count == 0) return;
            if (clock.Elapsed > TimeSpan.FromSeconds(5)) throw new TimeoutException($"Still running: {string.Join(' ', left)}");
            await Task.Delay(20);
        }
    }
}
