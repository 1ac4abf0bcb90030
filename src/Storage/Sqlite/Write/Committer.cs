using System.Threading.Channels;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Write;

/// <summary>The one thread that writes. It takes what is queued, commits it with one flush, and completes each write. While the disk
/// refuses, it keeps its batch and tries again; what waits behind it is bounded by the queue.</summary>
/// <remarks>It also moves the log into the database file, between batches: a checkpoint inside a commit would make that batch's
/// callers wait for it, and one on a second connection would run beside a commit, which SQLite allows but gains nothing here.</remarks>
internal sealed class Committer : IAsyncDisposable
{
    /// <summary>Writes in one transaction: enough to spread the flush thin, few enough to answer within milliseconds.</summary>
    public const int BatchWrites = 1000;

    /// <summary>Bytes of events in one transaction, to bound the log and the page cache when events carry large outputs.</summary>
    public const int BatchBytes = 16 * 1024 * 1024;

    /// <summary>Writes that wait; the next caller waits outside.</summary>
    public const int QueuedWrites = 10_000;

    /// <summary>How long acknowledgements alone wait for company.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan _firstRetry = TimeSpan.FromSeconds(1), _longestRetry = TimeSpan.FromSeconds(5);

    // Pages of log after which a checkpoint is due when nothing waits, and after which it is due in any case.
    private const long IdleCheckpointPages = 1000, BusyCheckpointPages = 4000;

    private readonly Channel<PendingWrite> _queue = Channel.CreateBounded<PendingWrite>(
        new BoundedChannelOptions(QueuedWrites) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();
    private readonly BatchWriter _writer;
    private readonly string _directory;
    private readonly TimeProvider _clock;
    private readonly Action<string> _log;
    private readonly Action<long, IReadOnlyCollection<(string, string)>> _committed;
    private Task<bool>? _arrival;
    private long _batchBytes;
    private long _checkpointedPages;
    private volatile string? _health;

    public Committer(BatchWriter writer, string directory, TimeProvider clock, Action<string> log, Action<long, IReadOnlyCollection<(string, string)>> committed)
    {
        (_writer, _directory, _clock, _log, _committed) = (writer, directory, clock, log, committed);
        new Thread(Run) { IsBackground = true, Name = "fanfare journal" }.Start();
    }

    public string? Health => _health;

    public async Task<AppendOutcome> WriteAsync(PendingWrite write)
    {
        try
        {
            await _queue.Writer.WriteAsync(write).ConfigureAwait(false);
        }
        catch (ChannelClosedException error)
        {
            throw new ObjectDisposedException("The journal is closed; the write to " + write + " was not made.", error);
        }
        return await write.Completion.ConfigureAwait(false);
    }

    /// <summary>Writes what is queued, then ends the thread and closes the connection. A disk that refuses to the last is not waited for:
    /// what could not be written fails with the reason.</summary>
    public async ValueTask DisposeAsync()
    {
        var first = _queue.Writer.TryComplete();
        if (first) await _closing.CancelAsync().ConfigureAwait(false);
        await _stopped.Task.ConfigureAwait(false);
        if (first) _closing.Dispose();
    }

    private void Run()
    {
        var batch = new List<PendingWrite>(BatchWrites);
        try
        {
            while (Collect(batch))
            {
                Commit(batch);
                batch.Clear();
                CheckpointIfDue();
            }
            Checkpoint(truncate: true);
            _writer.Dispose();
            _stopped.SetResult();
        }
        catch (Exception error)
        {
            // Nothing above may throw; if it does, no write is ever answered wrongly, but none is accepted either.
            _health = $"The journal in {_directory} stopped: {error.Message} Restart the server; what was acknowledged is kept.";
            Abandon(batch, error);
            _writer.Dispose();
            _stopped.SetException(error);
            _log(_health);
        }
    }

    private void Abandon(List<PendingWrite> batch, Exception error)
    {
        _queue.Writer.TryComplete();
        foreach (var write in batch)
            if (!write.Completion.IsCompleted) write.Fail(error);
        do
            while (_queue.Reader.TryRead(out var write)) write.Fail(error);
        while (_queue.Reader.WaitToReadAsync().AsTask().Result);
    }

    /// <summary>Waits for writes and takes them; false when the journal closes and none are left.</summary>
    private bool Collect(List<PendingWrite> batch)
    {
        _batchBytes = 0;
        var hurry = Take(batch);
        while (batch.Count == 0)
        {
            if (!Arrival(Timeout.InfiniteTimeSpan)) return false;
            hurry |= Take(batch);
        }
        var start = _clock.GetTimestamp();
        while (!hurry && _clock.GetElapsedTime(start) is var waited && waited < _patience && Arrival(_patience - waited)) hurry |= Take(batch);
        return true;
    }

    /// <summary>Takes what is queued; true when some caller waits for the flush, or the batch is full.</summary>
    private bool Take(List<PendingWrite> batch)
    {
        var hurry = false;
        while (batch.Count < BatchWrites && _batchBytes < BatchBytes && _queue.Reader.TryRead(out var write))
        {
            batch.Add(write);
            hurry |= write.IsAppend;
            _batchBytes += write.Bytes;
        }
        return hurry || batch.Count == BatchWrites;
    }

    /// <summary>True when something is queued within the time; false when not, or never again.</summary>
    private bool Arrival(TimeSpan patience)
    {
        _arrival ??= _queue.Reader.WaitToReadAsync().AsTask();
        if (!_arrival.Wait(patience)) return false;
        var some = _arrival.Result;
        _arrival = null;
        return some;
    }

    private void Commit(List<PendingWrite> batch)
    {
        var start = _clock.GetTimestamp();
        for (var delay = _firstRetry; ; delay = delay * 2 < _longestRetry ? delay * 2 : _longestRetry)
        {
            try
            {
                _writer.Commit(batch);
                break;
            }
            catch (SqliteFailure failure) when (failure.IsEnvironment || _writer.IsUnresolved)
            {
                StorageInstruments.Refused();
                if (!AwaitRecovery(failure, delay))
                {
                    foreach (var write in batch) write.Fail(failure.ToDataDirectory(_directory));
                    return;
                }
            }
            catch (Exception error) when (batch.Count == 1)
            {
                // One write that the schema refuses is its caller's fault, not the disk's.
                _writer.Refuse(batch[0]);
                batch[0].Fail(new InvalidOperationException($"The journal refused the write to {batch[0]}: {error.Message}", error));
                return;
            }
            catch (Exception)
            {
                // One of these is refused by the schema: alone, each gets its own answer.
                foreach (var write in batch) Commit([write]);
                return;
            }
        }
        StorageInstruments.Committed(batch, _clock.GetElapsedTime(start));
        ReportHealth(_writer.Deposed
            ? $"Another server has taken over the journal in {_directory}, though this one holds its lock: the file system's locks do not work. Nothing of this server is written any more; stop it, and keep the directory on a local file system."
            : null);
        foreach (var write in batch) write.Complete();
        Announce(batch);
    }

    /// <summary>Waits until the next try; false when the journal is closing, and there will be none.</summary>
    private bool AwaitRecovery(SqliteFailure failure, TimeSpan delay)
    {
        ReportHealth(failure.Remedy(_directory));
        if (_closing.IsCancellationRequested) return false;
        try
        {
            Task.Delay(delay, _clock, _closing.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // Closing: one last try follows.
        }
        return true;
    }

    private void ReportHealth(string? health)
    {
        if (health == _health) return;
        _health = health;
        _log(health ?? $"The journal in {_directory} writes again; nothing was lost.");
    }

    private void Announce(List<PendingWrite> batch)
    {
        var appended = false;
        var runs = new HashSet<(string, string)>();
        foreach (var write in batch)
        {
            if (!write.IsAppend || write.Outcome != AppendOutcome.Committed) continue;
            appended = true;
            foreach (var part in write.Parts)
                if (part.Stream.RunId is { } run) runs.Add((part.Stream.Namespace, run));
        }
        if (!appended) return;
        try
        {
            _committed(_writer.Position, runs);
        }
        catch (Exception error)
        {
            // A listener that breaks its promise must not end the journal.
            _log($"A listener to the journal's commits failed: {error}");
        }
    }

    private void CheckpointIfDue()
    {
        var pages = _writer.PagesWritten - _checkpointedPages;
        if (pages < IdleCheckpointPages || (pages < BusyCheckpointPages && _queue.Reader.Count > 0)) return;
        Checkpoint(truncate: false);
        _checkpointedPages = _writer.PagesWritten;
    }

    private void Checkpoint(bool truncate)
    {
        try
        {
            _writer.Checkpoint(truncate);
        }
        catch (SqliteFailure failure)
        {
            // The log keeps everything until a later checkpoint, or the next start. If the disk is at fault, the next commit says so too.
            _log(failure.Remedy(_directory));
        }
    }
}
