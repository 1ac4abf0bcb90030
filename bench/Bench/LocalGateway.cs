using Fanfare.Contracts;
using Fanfare.Gateway;
using Fanfare.Specs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fanfare.Bench;

/// <summary>A gateway in this process, on any free port.</summary>
internal static class LocalGateway
{
    public static async Task<WebApplication> StartAsync(LocalEngine engine, Func<IMetaflowStore> metaflow)
    {
        var gateway = GatewayHost.Build(
            new GatewayOptions { Port = 0, DataDirectory = engine.Directory, HandleSignals = false },
            services => services
                .AddSingleton<IScheduler>(engine.Node)
                .AddSingleton(engine.ReadModel)
                .AddSingleton(engine.Journal)
                .AddSingleton(engine.Blobs)
                .AddSingleton(_ => metaflow())
                .AddSingleton<ISpecReader, Specs>()
                .AddSingleton(TimeProvider.System));
        await gateway.StartAsync();
        return gateway;
    }

    private sealed class Specs : ISpecReader
    {
        public SpecReading Read(string source)
        {
            var result = FlowSpecReader.Read(source);
            return new SpecReading(result.Spec, result.Errors);
        }

        public PoolReading ReadPool(string source)
        {
            var (pool, errors) = PoolFileReader.Read(source);
            return new PoolReading(pool, errors);
        }
    }
}
