namespace Fanfare.Storage.Tests.Sqlite;

/// <summary>A clock whose timers fire when the test says so; it tells when one was set.</summary>
internal sealed class ManualClock : TimeProvider, IDisposable
{
    private readonly SemaphoreSlim _set = new(0);
    private readonly Lock _lock = new();
    private readonly Queue<ManualTimer> _timers = [];

    public List<TimeSpan> Delays { get; } = [];

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(callback, state);
        if (dueTime == Timeout.InfiniteTimeSpan) return timer;
        lock (_lock)
        {
            Delays.Add(dueTime);
            _timers.Enqueue(timer);
        }
        _set.Release();
        return timer;
    }

    /// <summary>Waits until a timer is set; whoever set it now waits for it.</summary>
    public async Task TimerSetAsync() => Assert.True(await _set.WaitAsync(TimeSpan.FromSeconds(30)), "No timer was set within 30 s.");

    public void FireOldest()
    {
        ManualTimer timer;
        lock (_lock) timer = _timers.Dequeue();
        timer.Fire();
    }

    public void Dispose() => _set.Dispose();

    private sealed class ManualTimer(TimerCallback callback, object? state) : ITimer
    {
        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
