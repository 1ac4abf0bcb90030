using Fanfare.Worker;

namespace Fanfare.Cli.Hosting;

/// <summary>A worker agent in this process.</summary>
internal sealed class EmbeddedWorker : ILocalWorker
{
    public async Task RunAsync(LocalWorkerOptions options, CancellationToken cancellationToken)
    {
        try
        {
            var worker = new WorkerOptions
            {
                Servers = options.Servers,
                Token = options.Token,
                Name = options.Name ?? Environment.MachineName,
                Queues = options.Queues,
                WorkDirectory = options.WorkDirectory,
                Slots = options.Slots,
                MemoryBytes = options.MemoryBytes,
                Gpus = options.Gpus,
                LeaveAfter = options.LeaveAfter,
                SecretsDirectory = options.SecretsDirectory,
                PassEnvironment = options.PassEnvironment,
                Address = options.Address,
                Spot = SpotOptions.Find(options.Spot, Environment.GetEnvironmentVariable),
            };
            if (options.WarmServers is { } most) worker = worker with { WarmServers = most };
            await new WorkerAgent(worker, TimeProvider.System, new WorkerLog(options.Log, worker.Name)).RunAsync(cancellationToken);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or PlatformNotSupportedException)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }
}
