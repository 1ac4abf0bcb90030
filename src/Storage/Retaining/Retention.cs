using System.IO.Pipelines;
using Fanfare.Contracts;

namespace Fanfare.Storage.Retaining;

/// <summary>Archives and removes old runs in the background, on the server that leads. Whatever it is stopped in, the next round goes on with: a run is closed, its archive
/// written and verified, the run hidden, and only then, piece by piece, removed.</summary>
/// <param name="log">Takes one sentence for the operator; called on any thread, must not throw.</param>
/// <param name="forgotten">Told of runs whose ids are free again.</param>
/// <param name="isMine">Whether it is this server's to do, of several that could; null for always.</param>
public sealed class Retention(
    IStore store, IBlobStore blobs, RetentionOptions options, TimeProvider clock, Action<string> log, Func<IReadOnlyList<StreamId>, Task>? forgotten = null, Func<bool>? isMine = null)
{
    /// <summary>Runs that are dealt with at once.</summary>
    private const int RunsAtATime = 64;

    /// <summary>Rows removed in one transaction: some milliseconds' worth.</summary>
    private const int RowsAtATime = 1000;

    private const int StepsAtATime = 500, TombstonesAtATime = 500;

    private const int PipeBytes = 1024 * 1024;

    private readonly Pace _pace = new(clock);
    private readonly HashSet<long> _unreadable = [];
    private readonly IRetention _retention = store.Retention;
    private string? _trouble;

    /// <summary>Goes on until it is cancelled. What fails is said once, and tried again.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var pause = options.Every;
            try
            {
                if (store.Journal.Health is null && isMine?.Invoke() is not false)
                {
                    if (await RoundAsync(cancellationToken).ConfigureAwait(false) > 0) pause = TimeSpan.Zero;
                    Say(null);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // Whatever it is, the server goes on without; nothing is removed that is not archived.
                if (!cancellationToken.IsCancellationRequested) Say($"Old runs could not be archived or removed, which is tried again: {error.Message}");
            }
            await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Deals with some runs; returns with how many, or with how many tombstones. At 0 nothing is due.</summary>
    public async Task<int> RoundAsync(CancellationToken cancellationToken)
    {
        if (options.Age is { } age)
            _pace.IsBehind = await _pace.PieceAsync(() => _retention.CloseAsync(clock.GetUtcNow() - age, RunsAtATime, _unreadable, cancellationToken), cancellationToken).ConfigureAwait(false) == RunsAtATime;
        var closed = await _retention.ListClosedAsync(RunsAtATime, cancellationToken).ConfigureAwait(false);
        var archived = new List<RetiredRun>();
        foreach (var run in closed)
            if (await ArchiveOrReopenAsync(run, cancellationToken).ConfigureAwait(false) is { } name) archived.Add(run with { Archive = name });
        if (archived.Count > 0)
            await _pace.PieceAsync(() => _retention.HideAsync(archived, clock.GetUtcNow(), cancellationToken), cancellationToken).ConfigureAwait(false);
        var hidden = await _retention.ListHiddenAsync(clock.GetUtcNow() - options.Grace, RunsAtATime, cancellationToken).ConfigureAwait(false);
        if (hidden.Count > 0) await RemoveAsync(hidden, cancellationToken).ConfigureAwait(false);
        var forgotten = await ForgetAsync(cancellationToken).ConfigureAwait(false);
        // Its key stands for an event as long as a run's does, and so does its id for a notice.
        if (options.Age is { } old)
            forgotten += await _pace.PieceAsync(() => _retention.ForgetSettledAsync(clock.GetUtcNow() - (old > options.Tombstones ? old : options.Tombstones), TombstonesAtATime, cancellationToken), cancellationToken).ConfigureAwait(false);
        return archived.Count + hidden.Count + forgotten;
    }

    // Null when the run goes on as if nothing had been.
    private async Task<string?> ArchiveOrReopenAsync(RetiredRun run, CancellationToken cancellationToken)
    {
        try
        {
            if (options.Age is not null && await SealAsync(run, cancellationToken).ConfigureAwait(false)) return await ArchiveAsync(run, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            await _retention.ReopenAsync(run, cancellationToken).ConfigureAwait(false);
            if (error is not JournalFormatException) throw;
            // Only this run's: it is left where it is, until the next start.
            _unreadable.Add(run.Id);
            log($"Run {run.Run} in namespace {run.Namespace} cannot be archived, and is kept: {error.Message}");
            return null;
        }
        await _retention.ReopenAsync(run, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task<bool> SealAsync(RetiredRun run, CancellationToken cancellationToken)
    {
        for (long? after = 0; after is { } from;)
        {
            (after, var quiet) = await _pace.PieceAsync(() => _retention.SealAsync(run, from, StepsAtATime, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (!quiet) return false;
        }
        return true;
    }

    private async Task<string> ArchiveAsync(RetiredRun run, CancellationToken cancellationToken)
    {
        var name = BlobNames.Archive(run.Namespace, run.Run, run.EndedAt);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: PipeBytes, resumeWriterThreshold: PipeBytes / 2));
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = WriteAsync(run, pipe.Writer, giveUp.Token);
        try
        {
            // When the writing fails, so does the reading, and there is no blob.
            await blobs.PutAsync(name, pipe.Reader.AsStream(), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await giveUp.CancelAsync().ConfigureAwait(false);
            await pipe.Reader.CompleteAsync().ConfigureAwait(false);
            await ((Task)writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await VerifyAsync(name, await writing.ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        return name;
    }

    private async Task<ArchiveEnd> WriteAsync(RetiredRun run, PipeWriter target, CancellationToken cancellationToken)
    {
        try
        {
            var writer = new ArchiveWriter(target.AsStream(leaveOpen: true));
            await using var closed = writer.ConfigureAwait(false);
            var row = await store.ReadModel.GetRunAsync(run.Namespace, run.Run, cancellationToken).ConfigureAwait(false)
                ?? throw new JournalFormatException($"The row of run {run.Run} in namespace {run.Namespace} is missing.");
            var deployment = await store.ReadModel.GetDeploymentAsync(run.Namespace, run.Flow, run.Deployment, cancellationToken).ConfigureAwait(false);
            var head = new ArchiveHead(ArchiveHead.Name, ArchiveHead.Newest, run.Namespace, run.Run, run.Flow, run.Status, run.EndedAt, clock.GetUtcNow(), store.Journal.Incarnation);
            await writer.AddAsync([new ArchiveLine { Archive = head }, .. deployment is null ? (ArchiveLine[])[] : [new ArchiveLine { Deployment = deployment with { DeletedAt = null } }], new ArchiveLine { Run = row }], cancellationToken).ConfigureAwait(false);
            foreach (var part in Enum.GetValues<ArchivePart>())
            {
                for (ArchiveKey? after = default(ArchiveKey); after is { } from;)
                {
                    after = await _pace.PieceAsync(async () =>
                    {
                        var page = await _retention.ReadAsync(run, part, from, cancellationToken).ConfigureAwait(false);
                        await writer.AddAsync(page.Lines, cancellationToken).ConfigureAwait(false);
                        return page.Next;
                    }, cancellationToken).ConfigureAwait(false);
                }
            }
            var end = await writer.EndAsync(cancellationToken).ConfigureAwait(false);
            await target.CompleteAsync().ConfigureAwait(false);
            return end;
        }
        catch (Exception error)
        {
            await target.CompleteAsync(error).ConfigureAwait(false);
            throw;
        }
    }

    // Reads it back from where it will be read one day.
    private async Task VerifyAsync(string name, ArchiveEnd written, CancellationToken cancellationToken)
    {
        var content = await blobs.OpenReadAsync(name, 0, cancellationToken).ConfigureAwait(false) ?? throw new IOException($"The archive {name} was written, and is not there.");
        await using var closed = content.ConfigureAwait(false);
        ArchiveEnd? read = null;
        await using var lines = ArchiveReader.ReadAsync(content, cancellationToken).GetAsyncEnumerator(cancellationToken);
        for (var more = true; more;)
        {
            more = await _pace.PieceAsync(async () =>
            {
                for (var i = 0; i < RowsAtATime; i++)
                {
                    if (!await lines.MoveNextAsync().ConfigureAwait(false)) return false;
                    read = lines.Current.End ?? read;
                }
                return true;
            }, cancellationToken).ConfigureAwait(false);
        }
        if (read != written) throw new IOException($"The archive {name} does not hold what was written to it.");
    }

    private async Task RemoveAsync(IReadOnlyList<RetiredRun> hidden, CancellationToken cancellationToken)
    {
        if (!options.KeepBlobs)
            foreach (var run in hidden)
                await foreach (var name in blobs.ListAsync(BlobNames.OfRun(run.Namespace, run.Run), cancellationToken).ConfigureAwait(false))
                    await _pace.PieceAsync(() => blobs.DeleteAsync(name, cancellationToken), cancellationToken).ConfigureAwait(false);
        while (await _pace.PieceAsync(() => _retention.RemoveAsync(hidden, RowsAtATime, clock.GetUtcNow(), cancellationToken), cancellationToken).ConfigureAwait(false) > 0)
        {
        }
    }

    private async Task<int> ForgetAsync(CancellationToken cancellationToken)
    {
        var gone = await _pace.PieceAsync(() => _retention.ForgetAsync(clock.GetUtcNow() - options.Tombstones, TombstonesAtATime, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (gone.Count > 0 && forgotten is not null) await forgotten(gone).ConfigureAwait(false);
        return gone.Count;
    }

    private void Say(string? trouble)
    {
        if (trouble == _trouble) return;
        _trouble = trouble;
        log(trouble ?? "Old runs are archived and removed again.");
    }
}
