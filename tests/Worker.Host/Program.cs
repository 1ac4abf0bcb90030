using System.Runtime.InteropServices;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker;

// Usage: Worker.Host SERVER[,SERVER…] WORK_DIRECTORY SLOTS. SIGTERM stops it.
var options = new WorkerOptions
{
    Name = "host",
    Servers = [.. args[0].Split(',').Select(s => new Uri(s))],
    WorkDirectory = args[1],
    Slots = int.Parse(args[2], System.Globalization.CultureInfo.InvariantCulture),
    Token = Environment.GetEnvironmentVariable("FANFARE_TOKEN"),
};
using var stop = new CancellationTokenSource();
using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    stop.Cancel();
});
try
{
    await new WorkerAgent(options, TimeProvider.System, new ConsoleLog()).RunAsync(stop.Token);
    return 0;
}
catch (InvalidOperationException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}

/// <summary>What a worker logs unless more is asked for, on standard output.</summary>
internal sealed class ConsoleLog : IWorkerLog
{
    public bool TakesAttempts(LogSeverity level) => level >= LogSeverity.Information;

    public void Write(LogSeverity level, string message)
    {
        if (TakesAttempts(level)) Console.WriteLine(message);
    }

    public void Write(LogSeverity level, Lease about, string message) => Write(level, message);
}
