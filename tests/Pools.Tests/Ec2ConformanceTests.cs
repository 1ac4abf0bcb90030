using Fanfare.Pools.Tests.Fake;

namespace Fanfare.Pools.Tests;

/// <summary>The provider for EC2, in front of the fake.</summary>
public sealed class Ec2ConformanceTests : ProviderConformance
{
    private protected override async Task<IProviderStage> SetUpAsync()
    {
        var stage = await Stage.SetUpAsync();
        stage.Fake.HideFor = 2;
        stage.Fake.Types.Add(new MachineType(Stage.Small.Type, 2, 8192, "x86_64", null, 0, 0, IsSpot: true));
        return new Bench(stage);
    }

    private sealed class Bench(Stage stage) : IProviderStage
    {
        public IInstanceProvider Provider { get; private set; } = stage.Provider;

        public string Type => Stage.Small.Type;

        public IInstanceProvider Restart() => Provider = stage.NewProvider();

        public LaunchRequest Request(int count) => stage.Launch(count) with { Labels = new Dictionary<string, string> { ["team"] = "blue" }, AskedAt = new FastClock().GetUtcNow() };

        public Task DieAsync(Instance instance)
        {
            stage.Fake.Interrupt(instance.Id);
            return Task.CompletedTask;
        }

        public Task PassAsync()
        {
            stage.Clock.Advance(TimeSpan.FromSeconds(30));
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync() => stage.DisposeAsync();
    }
}
