using System.Diagnostics;
using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Gateway;
using Fanfare.Specs;
using Fanfare.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fanfare.Bench;

/// <summary>The worker protocol over HTTP: the gateway in this process, the workers in another.</summary>
internal sealed partial class Load
{
    public async Task HttpAsync(int workers, FlowSpec spec, int completions)
    {
        await using var gateway = GatewayHost.Build(
            new GatewayOptions { Port = 0, DataDirectory = engine.Directory, HandleSignals = false },
            services => services
                .AddSingleton<IScheduler>(engine.Node)
                .AddSingleton(engine.ReadModel)
                .AddSingleton(engine.Journal)
                .AddSingleton(engine.Blobs)
                .AddSingleton<IMetaflowStore>(_ => SqliteMetaflow.OpenAsync(engine.Directory, TimeProvider.System).GetAwaiter().GetResult())
                .AddSingleton<ISpecReader, Specs>()
                .AddSingleton(TimeProvider.System));
        await gateway.StartAsync();
        using var working = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [typeof(Load).Assembly.Location, "work", GatewayHost.AddressOf(gateway).ToString(),
            "--workers", workers.ToString(CultureInfo.InvariantCulture), "--in-flight", InFlight.ToString(CultureInfo.InvariantCulture)])
        { RedirectStandardInput = true })!;
        var measuring = RoundsAsync(string.Create(CultureInfo.InvariantCulture, $"http_{workers}_workers"), spec, completions, () => Task.CompletedTask);
        if (await Task.WhenAny(measuring, working.WaitForExitAsync()) != measuring) throw new InvalidOperationException($"The workers' process ended with {working.ExitCode}.");
        await measuring;
        working.StandardInput.Close();
        await working.WaitForExitAsync();
        await gateway.StopAsync();
    }

    private sealed class Specs : ISpecReader
    {
        public SpecReading Read(string source)
        {
            var result = FlowSpecReader.Read(source);
            return new SpecReading(result.Spec, result.Errors);
        }
    }
}
