using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>A worker in this process, with a directory of its own.</summary>
public sealed class TestWorker : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();

    public TestWorker(IReadOnlyList<FakeGateway> gateways, Func<WorkerOptions, WorkerOptions>? change = null, ITaskExecutor? executor = null)
    {
        Root = Directory.CreateTempSubdirectory("fanfare-worker-").FullName;
        var options = new WorkerOptions
        {
            Name = "w1",
            Servers = [.. gateways.Select(g => g.Address)],
            WorkDirectory = Path.Combine(Root, "work"),
            Capacity = new ResourceSpec(4, 1L << 34, 0, 1L << 34),
        };
        if (change is not null) options = change(options);
        Agent = executor is null ? new WorkerAgent(options, TimeProvider.System, Book) : new WorkerAgent(options, executor, TimeProvider.System, Book);
        Running = Agent.RunAsync(_stop.Token);
    }

    public string Root { get; }

    public WorkerAgent Agent { get; }

    public Task Running { get; }

    /// <summary>All that it logs.</summary>
    public LogBook Book { get; } = new();

    /// <summary>What it logs unless more is asked for.</summary>
    public IEnumerable<string> Log => Book.Lines.Where(line => line.Level >= LogSeverity.Information).Select(line => line.Text);

    /// <summary>Waits until the log has this many lines that begin so.</summary>
    public Task LoggedAsync(string beginning, int count) => Book.UntilAsync(line => line.Text.StartsWith(beginning, StringComparison.Ordinal), beginning, count);

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Running.WaitAsync(TimeSpan.FromSeconds(15));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
