using System.Diagnostics;
using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Gateway;
using Fanfare.Storage;

namespace Fanfare.Bench;

/// <summary>The worker protocol over HTTP: the gateway in this process, the workers in another.</summary>
internal sealed partial class Load
{
    public async Task HttpAsync(int workers, FlowSpec spec, int completions)
    {
        await using var gateway = await LocalGateway.StartAsync(engine, () => SqliteMetaflow.OpenAsync(engine.Directory, TimeProvider.System).GetAwaiter().GetResult());
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
}
