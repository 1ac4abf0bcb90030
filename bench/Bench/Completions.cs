namespace Fanfare.Bench;

/// <summary>Counts the tasks that the workers have ended.</summary>
internal sealed class Completions
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _reached;
    private long _count, _target;

    public long Count => Interlocked.Read(ref _count);

    public void Add(int count)
    {
        lock (_lock)
        {
            _count += count;
            if (_count >= _target) _reached?.TrySetResult();
        }
    }

    /// <summary>Completes when so many more tasks have ended; asked for before they start.</summary>
    public Task AfterAsync(long more)
    {
        lock (_lock)
        {
            _target = _count + more;
            return (_reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }
}
