using System.Runtime.CompilerServices;

namespace Fanfare.Pools.Tests;

/// <summary>The requests as they go out, to the letter. EC2 compares what comes with a token again, so a change of them breaks launches that are under way during an upgrade.</summary>
public sealed class GoldenTests
{
    private static readonly MachineNeeds Gpus = new() { VCpus = 8, MostVCpus = 64, MemoryMiB = 65536, Architecture = "x86_64", Gpus = 1, MostGpus = 4, GpuKinds = ["l4", "l40s"], Without = ["g4*"] };

    [Fact]
    public Task AFleetOfSpotMachines() => GoesOutAsync("create-fleet-spot", stage => stage.Provider.LaunchAsync(
        stage.Launch(3, Stage.Spot(Stage.Small, new MachineChoice("m7a.large", "eu-central-1a", "subnet-0a1b2c"), new MachineChoice("c7i.large")) with { MaxPrice = 0.0525m }) with { Labels = new Dictionary<string, string> { ["team"] = "data & ml = ü" } }, CancellationToken.None));

    [Fact]
    public Task AFleetOnDemand_OfTheTemplatesDefaultVersion() => GoesOutAsync("create-fleet-on-demand", stage => stage.Provider.LaunchAsync(
        stage.Launch(1, Stage.OnDemand(Stage.Small, Stage.SmallB)) with { Template = "lt-0123456789abcdef0" }, CancellationToken.None));

    [Fact]
    public Task AFleetByAttributes_WithGpus() => GoesOutAsync("create-fleet-gpus", stage => stage.Provider.LaunchAsync(
        stage.Launch(2, Stage.Spot(new MachineChoice("", null, "subnet-a"), new MachineChoice("", null, "subnet-b")) with { Needs = Gpus }), CancellationToken.None));

    [Fact]
    public Task AFleetByAttributes_WithoutGpus() => GoesOutAsync("create-fleet-attributes", stage => stage.Provider.LaunchAsync(
        stage.Launch(2, Stage.OnDemand(new MachineChoice("", "eu-central-1a")) with { Needs = new MachineNeeds { VCpus = 4, MemoryMiB = 8192, MostMemoryMiB = 32768, Architecture = "arm64" } }), CancellationToken.None));

    [Fact]
    public Task ALargestFleet() => GoesOutAsync("create-fleet-60-choices", stage => stage.Provider.LaunchAsync(
        stage.Launch(1000, Stage.Spot([.. from type in Enumerable.Range(0, 20) from zone in "abc" select new MachineChoice($"m{type}.large", $"eu-central-1{zone}")])), CancellationToken.None));

    [Fact]
    public Task AList() => GoesOutAsync("describe-instances", stage => stage.Provider.ListAsync(CancellationToken.None));

    [Fact]
    public Task AnEnd() => GoesOutAsync("terminate-instances", async stage =>
    {
        var made = await stage.Provider.LaunchAsync(stage.Launch(2), CancellationToken.None);
        await stage.Provider.TerminateAsync([.. made.Instances.Select(i => i.Id)], CancellationToken.None);
    });

    [Fact]
    public Task Labels() => GoesOutAsync("create-tags", async stage =>
    {
        var made = await stage.Provider.LaunchAsync(stage.Launch(2), CancellationToken.None);
        await stage.Provider.LabelAsync([.. made.Instances.Select(i => i.Id)], new Dictionary<string, string> { ["worker"] = "w-1", ["a"] = "" }, CancellationToken.None);
    });

    [Fact]
    public Task Prices() => GoesOutAsync("describe-spot-price-history", stage => stage.Provider.SpotPricesAsync(["m7i.large", "m7a.large"], CancellationToken.None));

    [Fact]
    public Task Machines() => GoesOutAsync("describe-instance-types", stage => stage.Provider.MachinesAsync(["m7i.large", "m7a.large"], CancellationToken.None));

    private static async Task GoesOutAsync(string name, Func<Stage, Task> act, [CallerFilePath] string here = "")
    {
        await using var stage = await Stage.SetUpAsync();
        await act(stage);
        var sent = stage.Fake.Asked[^1].Sorted;
        var path = Path.Combine(Path.GetDirectoryName(here)!, "Golden", name + ".txt");
        if (Environment.GetEnvironmentVariable("FANFARE_UPDATE_GOLDEN") == "1") await File.WriteAllTextAsync(path, sent);

        Assert.True(sent == await File.ReadAllTextAsync(path), $"Golden/{name}.txt is not what goes out. Run the tests with FANFARE_UPDATE_GOLDEN=1 and look at the difference.\n{sent}");
    }
}
