using Fanfare.Contracts;
using Fanfare.Worker.Machine;
using Fanfare.Worker.Processes;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

public sealed class MachineTests
{
    [Fact]
    public async Task WhatIsOffered_IsWhatTheMachineHas()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { Capacity = null });
        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "a poll");

        var capacity = gateway.Polls[0].Capacity;
        Assert.Equal(Environment.ProcessorCount, capacity.Cpu);
        Assert.InRange(capacity.MemoryBytes, 1L << 26, 1L << 46);
        Assert.InRange(capacity.DiskBytes, 1, long.MaxValue);
        Assert.Equal(capacity, gateway.Polls[0].Free);
    }

    [Fact]
    public async Task Slots_ReplaceTheCores()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { Capacity = null, Slots = 300 });
        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "a poll");

        Assert.Equal(300, gateway.Polls[0].Capacity.Cpu);
        Assert.Equal(256, gateway.Polls[0].MaxLeases);
    }

    [Fact]
    public async Task MemoryAndGpus_ReplaceSinglePartsOfWhatIsDetected()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { Capacity = null, Slots = 3, MemoryBytes = 700 << 20, Gpus = 0 });
        await gateway.UntilAsync(() => gateway.Polls.Count > 0, "a poll");

        var capacity = gateway.Polls[0].Capacity;
        Assert.Equal((3, 700 << 20, 0), (capacity.Cpu, capacity.MemoryBytes, capacity.Gpu));
        Assert.InRange(capacity.DiskBytes, 1, long.MaxValue);
    }

    [Fact]
    public async Task OfTheGpus_TheFirstAreOffered_AndMoreThanThereAreIsAnError()
    {
        var tool = Directory.CreateTempSubdirectory("fanfare-smi-").FullName;
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            await File.WriteAllTextAsync($"{tool}/nvidia-smi", "#!/bin/sh\nprintf '0\\n1\\n7\\n'\n");
            File.SetUnixFileMode($"{tool}/nvidia-smi", UnixFileMode.UserRead | UnixFileMode.UserExecute);
            Environment.SetEnvironmentVariable("PATH", $"{tool}:{path}");
            var options = new WorkerOptions { Servers = [], WorkDirectory = tool };

            var (all, indexes) = await MachineCapacity.DetectAsync(options, new LogBook(), TimeProvider.System);
            var (some, first) = await MachineCapacity.DetectAsync(options with { Gpus = 2 }, new LogBook(), TimeProvider.System);
            var (none, without) = await MachineCapacity.DetectAsync(options with { Gpus = 0 }, new LogBook(), TimeProvider.System);
            var error = await Assert.ThrowsAsync<InvalidOperationException>(() => MachineCapacity.DetectAsync(options with { Gpus = 4 }, new LogBook(), TimeProvider.System));

            Assert.Equal([3, 2, 0], new[] { all.Gpu, some.Gpu, none.Gpu });
            Assert.Equal([0, 1, 7], indexes);
            Assert.Equal([0, 1], first);
            Assert.Empty(without);
            Assert.StartsWith("Gpus: 4", error.Message, StringComparison.Ordinal);
            Assert.Contains("at most 3", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
            Directory.Delete(tool, recursive: true);
        }
    }

    [Theory]
    [InlineData("0\n1\n7\n", new[] { 0, 1, 7 })]
    [InlineData("", new int[0])]
    [InlineData("No devices were found\n", new int[0])]
    public void Gpus_AreReadFromTheToolsLines(string text, int[] expected) => Assert.Equal(expected, MachineCapacity.ParseGpus(text));

    [Fact]
    public async Task WithADelegatedCgroup_ATaskIsLimitedInItsOwn_AndItsEndForLackOfMemoryIsTold()
    {
        // Plain files stand for the kernel's: which are written, and with what, is what is looked at.
        var root = Directory.CreateTempSubdirectory("fanfare-cgroup-").FullName;
        await File.WriteAllTextAsync($"{root}/cgroup.controllers", "cpu memory pids\n");
        await File.WriteAllTextAsync($"{root}/cgroup.subtree_control", "\n");
        await File.WriteAllTextAsync($"{root}/cgroup.procs", "");
        try
        {
            await using var gateway = await FakeGateway.StartAsync();
            await using var worker = new TestWorker([gateway], o => o with { CgroupDirectory = root });
            var lease = A.Task(
                $"cd {root}/fanfare-*; echo $(cat memory.max) $(cat memory.oom.group) $([ $(cat cgroup.procs) = $$ ] && echo inside); printf 'oom 1\\noom_kill 1\\n' > memory.events; kill -KILL $$",
                s => s with { Resources = new ResourceSpec(1, 100 << 20, 0, 0) });

            gateway.Offer(lease);
            var end = await gateway.FinishedAsync(lease.Token);

            Assert.Equal("104857600 1 inside", Assert.Single(gateway.Log(lease.Token)).Text);
            Assert.Equal("out_of_memory", end.Error!.Type);
            Assert.Contains("100 MiB", end.Error.Message);
            Assert.Equal("+memory", await File.ReadAllTextAsync($"{root}/cgroup.subtree_control"));
            Assert.Equal("1", await File.ReadAllTextAsync(Directory.EnumerateDirectories(root, "fanfare-*").Single() + "/cgroup.kill"));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void ACgroupWithoutTheMemoryController_IsNotUsed_AndTheReasonIsGiven()
    {
        var root = Directory.CreateTempSubdirectory("fanfare-cgroup-").FullName;
        File.WriteAllText($"{root}/cgroup.controllers", "cpu pids\n");
        try
        {
            var cgroups = Cgroups.Open(root, "bootboot");

            Assert.False(cgroups.Available);
            Assert.Contains("no memory controller", cgroups.Reason);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Theory]
    [InlineData("1 (sh) S 2 3 4 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0", 777UL)]
    [InlineData("1 (a) b) (c\nd) R 2 3 4 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 778 0", 778UL)]
    public void ProcStat_IsReadWhateverTheCommandIsCalled(string text, ulong start)
    {
        var stat = ProcStat.Parse(text);

        Assert.Equal((2, 3, 4, start), (stat!.Value.Parent, stat.Value.Group, stat.Value.Session, stat.Value.StartTime));
    }

    [Fact]
    public void AGroupUnderAReusedId_IsNotTakenForTheOneThatWasStarted()
    {
        var own = Environment.ProcessId;
        var stat = ProcStat.Read(own)!.Value;
        var group = new LiveGroup(stat.Group, ProcStat.Read(stat.Group)?.StartTime + 1 ?? 1);

        // Signal 0 reaches nobody, and would be allowed.
        Assert.False(ProcStat.Read(stat.Group) is not null && group.Signal(0));
    }

    [Fact]
    public void TheListOfLiveGroups_IsReadBack_WhateverItsLastLine()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, $"boot {Leftovers.MachineBoot()}\n+ 100 5\n+ 101 6\n- 100 5\n+ 102 7\n+ 10");
            Assert.Equal([new LiveGroup(101, 6), new LiveGroup(102, 7)], Leftovers.Read(path).OrderBy(g => g.Id));

            File.WriteAllText(path, "boot of-another-day\n+ 100 5\n");
            Assert.Empty(Leftovers.Read(path));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
