using System.Globalization;

namespace Fanfare.Worker.Processes;

/// <summary>Ends processes that left their task's group and outlived it. They are found by their environment; a look costs a
/// read for each process of the machine, so there is at most one in a while.</summary>
internal sealed class Strays(LiveGroups live, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private Task _look = Task.CompletedTask;
    private bool _again;

    /// <summary>A task is over: look soon.</summary>
    public void Look()
    {
        lock (_lock)
        {
            _again = true;
            if (_look.IsCompleted && !_stop.IsCancellationRequested) _look = LookAsync();
        }
    }

    /// <summary>Ends what is left of one task, now.</summary>
    public void End(long mark) => MarkedProcesses.Kill(live.MarkOf(mark), rest => rest.Length == 0);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _look.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        MarkedProcesses.Kill($"{live.Mark}.", _ => true);
        _stop.Dispose();
    }

    private async Task LookAsync()
    {
        await Task.Yield();
        while (true)
        {
            lock (_lock)
            {
                if (!_again) return;
                _again = false;
            }
            MarkedProcesses.Kill($"{live.Mark}.", rest => !long.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out var mark) || !live.IsLive(mark));
            await Task.Delay(Pause, time, _stop.Token);
        }
    }
}
