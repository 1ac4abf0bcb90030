using System.Collections.Concurrent;
using Fanfare.Contracts;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>A worker in this process, with a directory of its own.</summary>
public sealed class TestWorker : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _logged = new(0);

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
        Agent = executor is null ? new WorkerAgent(options, TimeProvider.System, Write) : new WorkerAgent(options, executor, TimeProvider.System, Write);
        Running = Agent.RunAsync(_stop.Token);
    }

    private void Write(string line)
    {
        Log.Enqueue(line);
        _logged.Release();
    }

    public string Root { get; }

    public WorkerAgent Agent { get; }

    public Task Running { get; }

    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Waits until the log has this many lines that begin so.</summary>
    public async Task LoggedAsync(string beginning, int count)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (Log.Count(l => l.StartsWith(beginning, StringComparison.Ordinal)) < count)
        {
            if (clock.Elapsed.TotalSeconds > 10) throw new TimeoutException($"'{beginning}' was not logged {count} times, only: {string.Join('\n', Log)}");
            await _logged.WaitAsync(TimeSpan.FromSeconds(1));
        }
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Running.WaitAsync(TimeSpan.FromSeconds(15));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        _logged.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
