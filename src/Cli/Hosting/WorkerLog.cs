using Fanfare.Gateway;
using Fanfare.Worker;
using Microsoft.Extensions.Logging;

namespace Fanfare.Cli.Hosting;

/// <summary>Writes what a worker says into the log of its process: of itself as <c>Fanfare.Worker</c>; of attempts as <c>Fanfare.Worker.Attempts</c>, with the names and ids that a server's lines about them have.</summary>
/// <param name="worker">The worker's name.</param>
internal sealed class WorkerLog(ServerLog log, string worker) : IWorkerLog
{
    public const string Worker = "Fanfare.Worker", Attempts = "Fanfare.Worker.Attempts";

    private readonly ILogger _worker = log.CreateLogger(Worker), _attempts = log.CreateLogger(Attempts);

    public bool TakesAttempts(LogSeverity level) => _attempts.IsEnabled((LogLevel)level);

    public void Write(LogSeverity level, string message) => _worker.Log((LogLevel)level, default, LogFields.None, null, (_, _) => message);

    public void Write(LogSeverity level, Lease about, string message) =>
        _attempts.Log((LogLevel)level, default, LogFields.OfAttempt(about.Task, about.Name, about.Attempt, about.Flow, worker), null, (_, _) => message);
}
