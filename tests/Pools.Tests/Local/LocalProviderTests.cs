using Fanfare.Pools.Local;

namespace Fanfare.Pools.Tests.Local;

public sealed class LocalProviderTests
{
    private const string Deaf = "trap 'echo term >>\"$ROOT/signals\"' TERM; trap 'echo usr1 >>\"$ROOT/signals\"' USR1\nwhile :; do sleep 1000 & wait $!; done";

    private static readonly ProcessTable Processes = new();

    [Fact]
    public async Task AWorker_IsToldWhatItIsToOffer()
    {
        LocalStart? told = null;
        await using var stage = new LocalStage(change: o => o with { Command = start => o.Command(told = start) });
        var request = stage.Request() with { Offerings = [new Offering(CapacityKind.OnDemand) { Choices = [new MachineChoice("")], Needs = new MachineNeeds { VCpus = 3, MemoryMiB = 700, Architecture = LocalProvider.Architecture, Gpus = 2 } }] };

        var instance = Assert.Single((await stage.Provider.LaunchAsync(request, CancellationToken.None)).Instances);

        Assert.Equal(new LocalStart(instance.Id, "cpu", stage.Of(instance, "0/work"), 3, 700, 2, told!.Labels), told);
        Assert.Equal("cpu,gpu", told.Labels["queues"]);
        Assert.True(Directory.Exists(told.WorkDirectory));
        Assert.Equal($"cpu-{LaunchToken.Of(request)[..8]}-0", instance.Id);
    }

    [Fact]
    public async Task AWorker_IsItsOwnSession_HasNoInput_AndWritesToItsLog()
    {
        await using var stage = new LocalStage("echo said; echo wrong >&2\n" + LocalStage.Obedient);
        var instance = await stage.LaunchOneAsync();
        var pid = stage.PidOf(instance);
        await LocalStage.UntilAsync(() => File.ReadAllText(stage.Of(instance, "0/worker.log")) == "said\nwrong\n", "both outputs are in the log");

        Assert.Equal(pid, Processes.Read(pid)!.Value.Session);
        Assert.Equal("/dev/null", File.ResolveLinkTarget($"/proc/{pid}/fd/0", false)!.FullName);
        Assert.Equal(Path.GetFullPath(stage.Of(instance, "0/worker.log")), File.ResolveLinkTarget($"/proc/{pid}/fd/1", false)!.FullName);
        Assert.Equal(Path.GetFullPath(stage.Of(instance, "0/worker.log")), File.ResolveLinkTarget($"/proc/{pid}/fd/2", false)!.FullName);
        // No pipe of the server's, whose other end would wait for a worker's end.
        Assert.DoesNotContain(Pipes($"{pid}"), pipe => Pipes("self").Contains(pipe) && !Pipes(Parent()).Contains(pipe));

        static List<string> Pipes(string process) => [.. Directory.EnumerateFiles($"/proc/{process}/fd").Select(fd => new FileInfo(fd).LinkTarget ?? "").Where(target => target.StartsWith("pipe:", StringComparison.Ordinal))];

        // What the tests themselves were started with is nothing of the provider's.
        static string Parent() => File.ReadAllText("/proc/self/stat").Split(") ")[^1].Split(' ')[1];
    }

    [Fact]
    public async Task AWorker_OutlivesItsProvider_AndTheNextEndsIt()
    {
        await using var stage = new LocalStage();
        var instance = await stage.LaunchOneAsync();
        var pid = stage.PidOf(instance);

        stage.Restart();
        Assert.Equal(InstanceState.Running, (await stage.ListedAsync(instance)).State);
        Assert.True(Processes.Read(pid)!.Value.IsLive);
        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        var ended = await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);

        Assert.Equal("its process is gone", ended.Ended);
        Assert.Equal([stage.Of(instance, "0/work")], stage.Swept);
        await LocalStage.UntilAsync(() => Processes.Read(pid) is null, "its parent looked at its end, and no zombie stays");
    }

    [Theory]
    [InlineData("exit 0", "ended with exit code 0", false)]
    [InlineData("exit 3", "ended with exit code 3", true)]
    [InlineData("kill -9 $$", "killed by signal 9", true)]
    [InlineData("exec /no/such/program", "ended with exit code 127", true)]
    public async Task AnEnd_IsTold_AndIsSweptAfterOnce_UnlessItWasInOrder(string script, string words, bool isSwept)
    {
        await using var stage = new LocalStage(script);
        var instance = await stage.LaunchOneAsync();

        var ended = await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);
        await stage.ListedAsync(instance);
        stage.Restart();
        var after = await stage.ListedAsync(instance);

        Assert.Equal(words, ended.Ended);
        Assert.Equal((InstanceState.Ended, words), (after.State, after.Ended));
        Assert.Equal(isSwept ? [stage.Of(instance, "0/work")] : [], stage.Swept);
    }

    [Fact]
    public async Task AProgramThatIsNotThere_IsAnEndWithTheReasonInTheLog()
    {
        await using var stage = new LocalStage(change: o => o with { Command = _ => new LocalCommand("/no/such/worker", []) });
        var instance = (await stage.Provider.LaunchAsync(stage.Request(), CancellationToken.None)).Instances[0];

        var ended = await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);

        Assert.Equal("ended with exit code 127", ended.Ended);
        Assert.Contains("/no/such/worker", await File.ReadAllTextAsync(stage.Of(instance, "0/worker.log")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhileItsTasksMayRun_AMachineCountsAsEnding_AndIsSweptAgain()
    {
        await using var stage = new LocalStage("exit 3");
        stage.SweepFaults.Enqueue(new IOException("not now"));
        stage.SweepFaults.Enqueue(new IOException("not now"));
        var instance = await stage.LaunchOneAsync();

        var failed = await stage.UntilAsync(instance, i => !stage.Swept.IsEmpty);
        Assert.Equal((InstanceState.Ending, "ended with exit code 3"), (failed.State, failed.Ended));
        stage.Restart();
        Assert.Equal(InstanceState.Ending, (await stage.ListedAsync(instance)).State);
        Assert.Equal(InstanceState.Ended, (await stage.ListedAsync(instance)).State);

        Assert.Equal(3, stage.Swept.Count);
        Assert.All(stage.Log, line => Assert.Contains("not now", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatIsInAWorkersGroup_EndsWithIt()
    {
        await using var stage = new LocalStage("sleep 1000 & echo $! >\"$ROOT/child\"; mv \"$ROOT/child\" \"$ROOT/child.pid\"; exit 0");
        var instance = await stage.LaunchOneAsync();
        await LocalStage.UntilAsync(() => File.Exists(Path.Combine(stage.Root, "child.pid")), "the child is there");
        var child = int.Parse(await File.ReadAllTextAsync(Path.Combine(stage.Root, "child.pid")), System.Globalization.CultureInfo.InvariantCulture);

        await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);

        await LocalStage.UntilAsync(() => Processes.Read(child) is not { IsLive: true }, "the child ends");
    }

    [Fact]
    public async Task AWorker_IsToldToEndOnce_HoweverOftenThatIsAskedFor()
    {
        await using var stage = new LocalStage(Deaf);
        var instance = await stage.LaunchOneAsync();
        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        await SignalsAsync(stage, "term");

        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        await stage.ListedAsync(instance);
        stage.Restart();
        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        var listed = await stage.ListedAsync(instance);
        // Of two signals that wait, a shell may take either first; after the second it has taken all.
        ProcessTable.Signal(stage.PidOf(instance), 10);
        await SignalsAsync(stage, "term", "usr1");
        ProcessTable.Signal(stage.PidOf(instance), 10);
        await SignalsAsync(stage, "term", "usr1", "usr1");

        Assert.Equal((InstanceState.Ending, "it was told to end"), (listed.State, listed.Ended));
    }

    [Fact]
    public async Task AWorkerThatDoesNotEnd_IsKilledAfterItsTime_ByAnotherProviderToo()
    {
        await using var stage = new LocalStage(Deaf);
        var instance = await stage.LaunchOneAsync();
        var child = Processes.Read(stage.PidOf(instance));
        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        await SignalsAsync(stage, "term");

        stage.Clock.Advance(stage.Options.KilledAfter - TimeSpan.FromSeconds(1));
        Assert.Equal(InstanceState.Ending, (await stage.ListedAsync(instance)).State);
        Assert.True(Processes.Read(stage.PidOf(instance))!.Value.IsLive);
        stage.Clock.Advance(TimeSpan.FromSeconds(2));
        var ended = await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);

        Assert.Equal("killed by signal 9", ended.Ended);
        Assert.Single(stage.Swept);
        Assert.NotNull(child);
    }

    [Fact]
    public async Task ASignalThatACrashKeptBack_IsSentByWhoeverComesNext()
    {
        await using var stage = new LocalStage();
        var instance = await stage.LaunchOneAsync();
        using (var dying = stage.NewProvider(step => throw new InvalidOperationException(step)))
            await Assert.ThrowsAsync<InvalidOperationException>(() => dying.TerminateAsync([instance.Id], CancellationToken.None));
        Assert.True(Processes.Read(stage.PidOf(instance))!.Value.IsLive);

        stage.Restart();
        Assert.Equal(InstanceState.Ending, (await stage.ListedAsync(instance)).State);

        await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);
    }

    [Theory]
    [InlineData("another start time")]
    [InlineData("a zombie")]
    [InlineData("another start of the machine")]
    [InlineData("nothing")]
    public async Task AProcessThatIsAnotherOrNoneAnyMore_IsNotTakenForTheWorker_AndNotKilled(string what)
    {
        await using var stage = new LocalStage();
        var instance = await stage.LaunchOneAsync();
        var pid = stage.PidOf(instance);
        var proc = Path.Combine(stage.Root, "proc");
        Directory.CreateDirectory(Path.Combine(proc, "sys/kernel/random"));
        Directory.CreateDirectory(Path.Combine(proc, $"{pid}"));
        var stat = await File.ReadAllTextAsync($"/proc/{pid}/stat");
        var start = Processes.Read(pid)!.Value.StartTime;
        await File.WriteAllTextAsync(Path.Combine(proc, "sys/kernel/random/boot_id"), what == "another start of the machine" ? "other\n" : Processes.Boot() + "\n");
        if (what != "nothing")
            await File.WriteAllTextAsync(Path.Combine(proc, $"{pid}/stat"), what switch
            {
                "another start time" => stat.Replace($" {start} ", $" {start + 1} ", StringComparison.Ordinal),
                "a zombie" => stat[..(stat.LastIndexOf(')') + 2)] + "Z" + stat[(stat.LastIndexOf(')') + 3)..],
                _ => stat,
            });

        stage.Restart(new ProcessTable(proc));
        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        var listed = await stage.ListedAsync(instance);

        Assert.Equal((InstanceState.Ended, "its process is gone"), (listed.State, listed.Ended));
        // What there is of a group is killed where it can be no other's.
        if (what is "another start time" or "another start of the machine") Assert.True(Processes.Read(pid) is { IsLive: true });
    }

    [Fact]
    public async Task AMachineThatEnded_IsListedForItsTime_AndThenItsDirectoryGoes_AndTheLaunchStaysKnown()
    {
        await using var stage = new LocalStage("exit 0");
        var instance = await stage.LaunchOneAsync();
        await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);

        stage.Clock.Advance(stage.Options.ShownFor);
        Assert.Single(await stage.Provider.ListAsync(CancellationToken.None));
        stage.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await stage.Provider.ListAsync(CancellationToken.None));
        await stage.Provider.Cleaning;

        Assert.False(Directory.Exists(stage.Of(instance, "0")));
        stage.Restart();
        var again = await stage.Provider.LaunchAsync(stage.Request(), CancellationToken.None);
        Assert.Equal((instance.Id, InstanceState.Ended), (again.Instances.Single().Id, again.Instances.Single().State));
        Assert.Single(stage.Started);

        stage.Clock.Advance(stage.Options.RememberedFor);
        Assert.Empty(await stage.Provider.ListAsync(CancellationToken.None));
        await stage.Provider.Cleaning;
        Assert.False(Directory.Exists(stage.Of(instance, "")));
        Assert.Empty((await stage.Provider.LaunchAsync(stage.Request(), CancellationToken.None)).Instances);
        Assert.Single(stage.Started);
    }

    [Fact]
    public async Task WhatALocalPoolDoesNotHave_IsRefused_AndTheNextOfferingIsTaken()
    {
        await using var stage = new LocalStage();
        var local = new MachineChoice(LocalProvider.Type);
        var needs = new MachineNeeds { VCpus = 1, MemoryMiB = 1, Architecture = LocalProvider.Architecture == "arm64" ? "x86_64" : "arm64" };
        var request = LocalStage.RequestOf("l-1", 3,
            new Offering(CapacityKind.Spot) { Choices = [local] },
            new Offering(CapacityKind.OnDemand) { Choices = [new MachineChoice("g6.xlarge"), new MachineChoice(LocalProvider.Type, Zone: "a")] },
            new Offering(CapacityKind.OnDemand) { Choices = [new MachineChoice("")], Needs = needs },
            new Offering(CapacityKind.OnDemand) { Choices = [local], AtMost = 1 },
            new Offering(CapacityKind.OnDemand) { Choices = [local, new MachineChoice("g6.xlarge")], AtMost = 1 });

        var answer = await stage.Provider.LaunchAsync(request, CancellationToken.None);
        stage.Restart();
        var again = await stage.Provider.LaunchAsync(request, CancellationToken.None);

        Assert.True(answer.IsSettled);
        Assert.Equal(2, answer.Instances.Count);
        Assert.All(answer.Refusals, r => Assert.Equal(RefusalReason.Unsupported, r.Reason));
        Assert.Equal([(0, null), (1, "g6.xlarge"), (1, "local"), (2, null), (4, "g6.xlarge")], answer.Refusals.Select(r => (r.Offering, r.Choice?.Type)));
        Assert.Equal(answer.Refusals, again.Refusals);
        Assert.Equal(answer.Instances.Select(i => i.Id), again.Instances.Select(i => i.Id));
    }

    [Theory]
    [InlineData("9lives", "", "team")]
    [InlineData("cpu", "fanfare-cpu:7", "team")]
    [InlineData("cpu", "", "fanfare:pool")]
    public async Task ARequestThatALocalPoolCannotServe_IsRefused(string pool, string template, string label)
    {
        await using var stage = new LocalStage();

        var refused = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.LaunchAsync(stage.Request() with { Pool = pool, Template = template, Labels = new Dictionary<string, string> { [label] = "x" } }, CancellationToken.None));

        Assert.False(refused.IsPassing);
        Assert.False(Directory.Exists(Path.Combine(stage.Options.Directory, "launches")));
    }

    [Fact]
    public async Task Options_AreCheckedWithTheFieldAndTheRemedy()
    {
        await using var stage = new LocalStage();
        foreach (var (wrong, field) in new[] { (stage.Options with { Directory = " " }, "Directory"), (stage.Options with { KilledAfter = TimeSpan.FromDays(2) }, "KilledAfter"), (stage.Options with { ShownFor = TimeSpan.FromSeconds(-1) }, "ShownFor") })
            Assert.Contains(field, Assert.Throws<ArgumentException>(() => new LocalProvider("c1", wrong, TimeProvider.System)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new LocalProvider("", stage.Options, TimeProvider.System));
    }

    private static Task SignalsAsync(LocalStage stage, params string[] expected)
    {
        var path = Path.Combine(stage.Root, "signals");
        return LocalStage.UntilAsync(() => File.Exists(path) && File.ReadAllLines(path).SequenceEqual(expected), $"the worker has got {string.Join(", ", expected)}, and no more");
    }
}
