namespace Fanfare.Simulation.Kernel;

/// <summary>The loop's clock as one process sees it: its wall clock is set at times, its monotonic clock drifts, and its timers, which run by
/// the latter, die with it.</summary>
internal sealed class VirtualTime(VirtualLoop loop, VirtualProcess process) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        loop.CheckThread("the clock of " + process.Name);
        return loop.Now + process.ClockOffset;
    }

    public override long GetTimestamp()
    {
        loop.CheckThread("the clock of " + process.Name);
        return (long)((loop.Now - VirtualLoop.Start).Ticks * process.ClockRate);
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        loop.CheckThread("the timers of " + process.Name);
        var timer = new Timer(loop, process, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(VirtualLoop loop, VirtualProcess process, TimerCallback callback, object? state) : ITimer
    {
        private Timed? _armed;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (_armed is not null) _armed.Cancelled = true;
            _armed = null;
            _period = period;
            if (process.Alive && dueTime != Timeout.InfiniteTimeSpan) _armed = loop.After(dueTime / process.ClockRate, Fire, process);
            return true;
        }

        public void Dispose()
        {
            if (_armed is not null) _armed.Cancelled = true;
            _period = Timeout.InfiniteTimeSpan;
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire()
        {
            _armed = _period > TimeSpan.Zero ? loop.After(_period / process.ClockRate, Fire, process) : null;
            callback(state);
        }
    }
}
