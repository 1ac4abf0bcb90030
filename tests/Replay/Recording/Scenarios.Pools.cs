using Fanfare.Contracts;

namespace Fanfare.Replay.Recording;

// What becomes of pools, of which no task has to run.
internal static partial class Scenarios
{
    private static Answer Pool(Lease lease) => Answer.Hold;

    private static async Task PoolAsync(Stage stage)
    {
        var plain = new PoolSpec { Name = "ended", Provider = PoolProvider.Local, Machine = new ResourceSpec(2, 4L << 30, 0, 0), Min = 2, Max = 3 };
        // So often that it is carried on when it has a machine, a launch that is not settled, and something that went wrong.
        var scarce = new PoolSpec
        {
            Name = ScriptedCloud.Scarce,
            Provider = PoolProvider.Ec2,
            Queues = ["big", "default"],
            Machine = new ResourceSpec(1.5, 7L << 30, 1, 100L << 30),
            Max = 5,
            Lifetime = TimeSpan.FromDays(7),
            Ec2 = new Ec2PoolSpec
            {
                Template = "fanfare-gpu:7",
                Choices = [new MachineChoice("", "eu-central-1a"), new MachineChoice("", Subnet: "subnet-0a1b2c")],
                Needs = new MachineNeeds { VCpus = 2, MostVCpus = 8, MemoryMiB = 8192, Architecture = "x86_64", Gpus = 1, GpuKinds = ["l4"], Without = ["t2.*"] },
                SpotPercent = 50,
                MaxPrice = 0.75m,
                Tags = new Dictionary<string, string> { ["team"] = "vision" },
            },
        };
        for (var idle = 1; idle <= 4; idle++) await stage.SetAsync(scarce with { Idle = TimeSpan.FromSeconds(idle) });
        await stage.SetAsync(scarce with { Min = 2, Spare = 1 });
        await stage.SetAsync(plain);
        await stage.SetAsync(plain with { Name = ScriptedCloud.Slow, Min = 3 });
        await stage.SetAsync(plain with { Name = ScriptedCloud.Refused, RegisterWithin = TimeSpan.FromSeconds(90) });
        await stage.SetAsync(plain with { Name = ScriptedCloud.Swept, Min = 0 });

        foreach (var pool in new[] { "ended", ScriptedCloud.Slow })
        {
            await stage.SeenAsync<LaunchSettled>(pool);
            await stage.DeletePoolAsync(pool);
        }
        await stage.SeenAsync<MachinesEnded>("ended");
        await stage.SeenAsync<MachinesEnding>(ScriptedCloud.Slow);
        await stage.SeenAsync<LaunchFailed>(ScriptedCloud.Refused);
        await stage.SeenAsync<StraysEnding>(ScriptedCloud.Swept);
        await stage.SeenAsync<PoolCarried>(ScriptedCloud.Scarce);
    }
}
