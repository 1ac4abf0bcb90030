namespace Fanfare.Worker;

/// <summary>Something happened since somebody last looked. Setting it while nobody waits is remembered once.</summary>
internal sealed class Signal
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Set()
    {
        lock (_lock) _source.TrySetResult();
    }

    /// <summary>Completes at the next <see cref="Set"/>, or at once when there was one since the last <see cref="Reset"/>.</summary>
    public Task Wait()
    {
        lock (_lock) return _source.Task;
    }

    public void Reset()
    {
        lock (_lock)
            if (_source.Task.IsCompleted) _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
