using Fanfare.Pools.Local;

namespace Fanfare.Pools.Tests.Local;

/// <summary>The provider for this machine, with real processes.</summary>
public sealed class LocalConformanceTests : ProviderConformance
{
    private protected override Task<IProviderStage> SetUpAsync() => Task.FromResult<IProviderStage>(new Bench());

    private sealed class Bench : IProviderStage
    {
        private readonly LocalStage _stage = new();

        public IInstanceProvider Provider => _stage.Provider;

        public string Type => LocalProvider.Type;

        public IInstanceProvider Restart() => _stage.Restart();

        public LaunchRequest Request(int count) => _stage.Request(count) with { Labels = new Dictionary<string, string> { ["team"] = "blue" } };

        public Task DieAsync(Instance instance)
        {
            var number = instance.Id[(instance.Id.LastIndexOf('-') + 1)..];
            ProcessTable.Signal(LocalStage.Pid(_stage.Of(instance, $"{number}.json")), ProcessTable.SigKill);
            return Task.CompletedTask;
        }

        public Task PassAsync() => Task.Delay(5);

        public ValueTask DisposeAsync() => _stage.DisposeAsync();
    }
}
