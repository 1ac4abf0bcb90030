using System.Collections.Concurrent;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>Keeps what a worker logs, all of it.</summary>
public sealed class LogBook : IWorkerLog
{
    private readonly ConcurrentQueue<Line> _lines = new();
    private readonly SemaphoreSlim _written = new(0);

    /// <param name="About">Null for a line about the worker.</param>
    public sealed record Line(LogSeverity Level, string Text, Lease? About);

    public IReadOnlyCollection<Line> Lines => _lines;

    public bool TakesAttempts(LogSeverity level) => true;

    public void Write(LogSeverity level, string message) => Add(new Line(level, message, null));

    public void Write(LogSeverity level, Lease about, string message) => Add(new Line(level, message, about));

    /// <summary>Waits until this many lines are such.</summary>
    public async Task UntilAsync(Func<Line, bool> isSuch, string what, int count = 1)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (_lines.Count(isSuch) < count)
        {
            if (clock.Elapsed.TotalSeconds > 10) throw new TimeoutException($"'{what}' was not logged {count} times, only: {string.Join('\n', _lines)}");
            await _written.WaitAsync(TimeSpan.FromSeconds(1));
        }
    }

    private void Add(Line line)
    {
        _lines.Enqueue(line);
        _written.Release();
    }
}
