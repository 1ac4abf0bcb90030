using System.Collections.Concurrent;

namespace Fanfare.Chaos.Sites;

/// <summary>A process that is started again whenever it ends, as an init system would. What was not asked for and is not excused is kept as
/// a complaint.</summary>
/// <param name="mayRefuse">Whether the process may end by itself now.</param>
internal sealed class Supervised(string name, Func<FanfareProcess> start, Func<bool> mayRefuse) : IAsyncDisposable
{
    private static readonly TimeSpan Stops = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _one = new(1);
    private readonly List<string> _complaints = [];
    private readonly CancellationTokenSource _over = new();
    private readonly ConcurrentQueue<(int Id, FanfareProcess Process)> _processes = new();
    private FanfareProcess? _process;
    private Task _watch = Task.CompletedTask;

    public string Name => name;

    public IReadOnlyList<string> Complaints
    {
        get
        {
            lock (_complaints) return [.. _complaints];
        }
    }

    /// <summary>What all its processes printed.</summary>
    public string Output => string.Concat(_processes.Select(p => $"--- process {p.Id}\n{p.Process.Output}"));

    public void Start()
    {
        Begin();
        _watch = WatchAsync();
    }

    /// <summary>kill -9, time, a new start.</summary>
    public Task KillAsync(TimeSpan away) => ReplaceAsync(process => process.KillAsync(), away);

    /// <summary>SIGTERM; the process has to end by itself with 0, in a bounded time.</summary>
    public Task DrainAsync(TimeSpan away) => ReplaceAsync(DrainAsync, away);

    /// <summary>SIGSTOP, time, SIGCONT. Returns when the process was frozen and when it was not any more.</summary>
    public async Task<(double From, double To)> FreezeAsync(TimeSpan hold, CancellationToken cancel)
    {
        var from = SystemTime.Now;
        await _one.WaitAsync(CancellationToken.None);
        var process = _process!;
        try
        {
            if (process.HasExited) return (from, from);
            process.Freeze();
        }
        finally
        {
            _one.Release();
        }
        await Task.Delay(hold, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _one.WaitAsync(CancellationToken.None);
        try
        {
            if (ReferenceEquals(process, _process) && !process.HasExited) process.Thaw();
        }
        finally
        {
            _one.Release();
        }
        return (from, SystemTime.Now);
    }

    /// <summary>Ends the process for good: no new start.</summary>
    public async Task StopAsync(bool kill)
    {
        await _over.CancelAsync();
        await _watch;
        if (_process is null || _process.HasExited) return;
        if (kill) await _process.KillAsync();
        else await DrainAsync(_process);
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _watch;
        _process?.Dispose();
        _one.Dispose();
        _over.Dispose();
    }

    public void Complain(string what)
    {
        lock (_complaints) _complaints.Add(what);
    }

    private async Task DrainAsync(FanfareProcess process)
    {
        process.Terminate();
        // A stopped process takes the signal when it goes on.
        process.Thaw();
        try
        {
            var exit = await process.ExitAsync(Stops);
            // Before it printed its first line it may not have been up to hear the signal, and then ended as any program would.
            var deaf = exit == 143 && process.Output.Length == 0;
            if (exit != 0 && !deaf) Complain($"{name} ended with {exit} on SIGTERM:\n{Tail(process)}");
        }
        catch (TimeoutException)
        {
            Complain($"{name} did not end within {Stops.TotalSeconds} s of SIGTERM:\n{Tail(process)}");
            await process.KillAsync();
        }
    }

    private async Task ReplaceAsync(Func<FanfareProcess, Task> end, TimeSpan away)
    {
        await _one.WaitAsync(CancellationToken.None);
        try
        {
            if (!_process!.HasExited) await end(_process);
            await Task.Delay(away);
            _process.Dispose();
            Begin();
        }
        finally
        {
            _one.Release();
        }
    }

    private void Begin()
    {
        _process = start();
        _processes.Enqueue((_process.Id, _process));
    }

    private async Task WatchAsync()
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        try
        {
            while (await look.WaitForNextTickAsync(_over.Token))
            {
                if (!await _one.WaitAsync(0, CancellationToken.None)) continue;
                try
                {
                    if (!_process!.HasExited) continue;
                    if (!mayRefuse()) Complain($"{name} ended by itself with {_process.ExitCode}:\n{Tail(_process)}");
                    _process.Dispose();
                    Begin();
                }
                finally
                {
                    _one.Release();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // No new start any more.
        }
    }

    private static string Tail(FanfareProcess process) => string.Join('\n', process.Output.Split('\n').TakeLast(12));
}
