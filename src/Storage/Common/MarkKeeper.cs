namespace Fanfare.Storage.Common;

/// <summary>Notes how far the journal has come: at once, every minute while it changes, and when it is closed. A backup that is put back is noticed by it when it is older than the
/// last note.</summary>
internal sealed class MarkKeeper : IAsyncDisposable
{
    private static readonly TimeSpan _every = TimeSpan.FromMinutes(1);

    private readonly Func<JournalMark> _now;
    private readonly Func<JournalMark, Task> _note;
    private readonly TimeProvider _clock;
    private readonly Action<string> _log;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _keeping;
    private JournalMark? _noted;
    private bool _failed;

    /// <param name="now">How far it has come.</param>
    /// <param name="note">Writes a mark; may fail.</param>
    public MarkKeeper(Func<JournalMark> now, Func<JournalMark, Task> note, TimeProvider clock, Action<string> log)
    {
        (_now, _note, _clock, _log) = (now, note, clock, log);
        _keeping = Task.Run(KeepAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await _keeping.ConfigureAwait(false);
        await NoteAsync().ConfigureAwait(false);
        _ending.Dispose();
    }

    private async Task KeepAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            await NoteAsync().ConfigureAwait(false);
            await Task.Delay(_every, _clock, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task NoteAsync()
    {
        var mark = _now();
        if (mark == _noted) return;
        try
        {
            await _note(mark).ConfigureAwait(false);
            (_noted, _failed) = (mark, false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (!_failed) _log($"The journal's mark cannot be written: {error.Message.TrimEnd('.')}. All else goes on; a restore from a recent backup may go unnoticed until it can.");
            _failed = true;
        }
    }
}
