using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

public sealed class OptionsTests
{
    private static WorkerOptions Good => new() { Name = "w", Servers = [new Uri("http://127.0.0.1:8080")], WorkDirectory = "/tmp/x" };

    [Fact]
    public void GoodOptions_HaveNoErrors() => Assert.Empty(Good.Validate());

    [Fact]
    public void AllMistakes_AreNamedAtOnce()
    {
        var bad = Good with
        {
            Name = "a b",
            Servers = [new Uri("ftp://x")],
            WorkDirectory = " ",
            Queues = ["1"],
            Slots = 0,
            Capacity = new ResourceSpec(0, 0, 0, 0),
            Token = "a\nb",
            PollWait = TimeSpan.FromMinutes(1),
            PassEnvironment = ["FANFARE_TOKEN"],
            MemoryBytes = 0,
            Gpus = -1,
            LeaveAfter = TimeSpan.FromSeconds(120),
        };

        var error = Assert.Throws<ArgumentException>(() => new WorkerAgent(bad, TimeProvider.System, new LogBook()));

        foreach (var field in (string[])["Name", "Servers", "WorkDirectory", "Queues", "Slots", "Capacity", "Token", "PollWait", "PassEnvironment", "MemoryBytes", "Gpus", "LeaveAfter"])
            Assert.Contains(error.Message.Split(Environment.NewLine), l => l.StartsWith($"{field}:", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(40, false)]
    [InlineData(41, true)]
    public void AWorkerThatLeaves_WaitsLongerThanTwoPollsMayTake(int seconds, bool isGood) =>
        Assert.Equal(isGood, (Good with { LeaveAfter = TimeSpan.FromSeconds(seconds) }).Validate().Count == 0);

    [Fact]
    public void SinglePartsOfTheCapacity_GoTogether_AndNotWithAllOfIt()
    {
        var parts = Good with { Slots = 2, MemoryBytes = 1 << 30, Gpus = 0 };

        Assert.Empty(parts.Validate());
        Assert.Equal(2, (parts with { Capacity = new ResourceSpec(1, 1, 0, 1) }).Validate().Count);
    }

    [Fact]
    public void TheToken_IsNotInTheOptionsText() => Assert.DoesNotContain("hush", (Good with { Token = "hush" }).ToString());

    [Fact]
    public async Task AWorkDirectoryThatCannotBeMade_IsNamed_WithWhatToDo()
    {
        var file = Path.GetTempFileName();
        try
        {
            var agent = new WorkerAgent(Good with { WorkDirectory = Path.Combine(file, "work") }, TimeProvider.System, new LogBook());

            var error = await Assert.ThrowsAsync<InvalidOperationException>(() => agent.RunAsync(CancellationToken.None));

            Assert.StartsWith("WorkDirectory:", error.Message);
            Assert.Contains("Give the worker a directory", error.Message);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
