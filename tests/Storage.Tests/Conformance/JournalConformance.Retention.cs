using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Blobs;
using Fanfare.Storage.Retaining;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Tests.Conformance;

public abstract partial class JournalConformance
{
    private static readonly DateTimeOffset _ended = A.T0.AddMinutes(1);

    private readonly string _blobRoot = Directory.CreateTempSubdirectory("fanfare-retention-").FullName;

    [BackendFact]
    public async Task AnOldRun_IsArchivedWhole_AndThenGone()
    {
        var key = await WriteEndedAsync("old", tasks: 3);
        var before = await ReadModel.ReadHistoryAsync(A.Ns, "old", 0, 100, default);
        using var blobs = Blobs();
        await blobs.PutAsync(BlobNames.Log(new TaskRef(A.Ns, "old", key, 0), 0), new MemoryStream([1]), default);
        await blobs.PutAsync(BlobNames.Log(new TaskRef(A.Ns, "old2", key, 0), 0), new MemoryStream([1]), default);

        await RetainAsync(blobs);

        Assert.Null(await ReadModel.GetRunAsync(A.Ns, "old", default));
        Assert.Empty((await ReadModel.ListRunsAsync(new RunFilter(A.Ns), null, 10, default)).Items);
        Assert.Empty((await ReadModel.ListRunsAsync(new RunFilter(A.Ns, Tag: "blue"), null, 10, default)).Items);
        Assert.Empty(await ReadModel.ReadHistoryAsync(A.Ns, "old", 0, 100, default));
        Assert.Empty((await ReadModel.ListStepsAsync(A.Ns, "old", null, 10, default)).Items);
        Assert.Empty((await ReadModel.ListTasksAsync(A.Ns, "old", new TaskFilter(), null, 10, default)).Items);
        Assert.Empty(await ReadModel.ListAttemptsAsync(A.Ns, "old", key, 1, default));
        Assert.Equal([BlobNames.Log(new TaskRef(A.Ns, "old2", key, 0), 0)], await NamesAsync(blobs, "runs"));
        var retired = (await ReadModel.GetRetiredAsync(A.Ns, "old", default))!;
        Assert.Equal((A.Ns, "old", "etl", 1, RunStatus.Succeeded, _ended), (retired.Namespace, retired.Run, retired.Flow, retired.Deployment, retired.Status, retired.EndedAt));
        Assert.StartsWith("archives/default/2026-03-01/old.", retired.Archive, StringComparison.Ordinal);
        var lines = await ArchiveAsync(blobs, retired.Archive!);
        Assert.Equal(("fanfare-archive", 1, "old"), (lines[0].Archive!.Format, lines[0].Archive!.Version, lines[0].Archive!.Run));
        Assert.Equal("old", Assert.Single(lines, l => l.Run is not null).Run!.Run);
        Assert.Equal(
            before.Select(e => $"{e.Position} {e.Stream} {Samples.Text(e.Entry)}"),
            lines.Where(l => l.Event is not null).Select(l => l.Event!).Select(e => $"{e.Position} {e.Stream} {Samples.Text(new JournalEvent(e.Sequence, e.At, e.Actor, e.Payload.Deserialize(ContractsJson.Default.Event)!))}"));
        Assert.Equal([0, 1, 2], lines.Where(l => l.Task is not null).Select(l => l.Task!.Split));
        Assert.Equal("""{"n":2}""", lines.Last(l => l.Task is not null).Task!.Output);
        Assert.Equal(key, Assert.Single(lines, l => l.Step is not null).Step!.Key);
        Assert.Contains(lines, l => l.Attempt is { Split: 1, Attempt: 1, Status: AttemptStatus.Failed });
        Assert.Equal((before.Count, 3), (lines[^1].End!.Events, lines[^1].End!.Tasks));
    }

    [BackendFact]
    public async Task ARunThatIsYoung_OrGoesOn_OrHasSomethingToDo_IsKept()
    {
        await WriteEndedAsync("waits", tasks: 1, stepWake: new Wake(A.T0, 3));
        await Write(Run("goes-on"), A.Run("goes-on", created: A.T0.AddYears(-1)));
        await Write(Run("young"), A.Run("young", status: RunStatus.Succeeded) with { EndedAt = A.T0.AddDays(10) });
        using var blobs = Blobs();

        await RetainAsync(blobs, now: A.T0.AddDays(10));

        Assert.Equal(3, (await ReadModel.ListRunsAsync(new RunFilter(A.Ns), null, 10, default)).Items.Count);
        Assert.Empty(await NamesAsync(blobs, ""));
        await Write(Run("young"));
        await Write(Step("waits", A.Key()));
    }

    [BackendFact]
    public async Task WhatWasRemoved_IsNeverOpenedAgain_AndALateAppendIsFenced()
    {
        var key = await WriteEndedAsync("old", tasks: 1);
        var (ofRun, ofStep, unopened) = (await Open(Run("old")), await Open(Step("old", key)), await Open(Step("old", A.Key("never"))));
        using var blobs = Blobs();

        await RetainAsync(blobs);

        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run("old"), ofRun)));
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Step("old", key), ofStep)));
        Assert.Equal(0, unopened.Sequence);
        foreach (var reopened in new[] { false, true })
        {
            if (reopened) await ReopenAsync();
            foreach (var stream in new[] { Run("old"), Step("old", key), Step("old", A.Key("never")) })
            {
                var refused = await Assert.ThrowsAsync<RefusedException>(() => Open(stream));
                Assert.Equal((RefusalKind.Gone, "FAN0017"), (refused.Kind, refused.Code));
                Assert.Contains("archives/default/2026-03-01/old.", refused.Message, StringComparison.Ordinal);
            }
        }
        Assert.Null(await ReadModel.GetRunAsync(A.Ns, "old", default));
        Assert.Empty(await ReadModel.ReadHistoryAsync(A.Ns, "old", 0, 100, default));
    }

    [BackendFact]
    public async Task WhileItIsClosed_ARunShowsAsBefore_AndTakesNothing()
    {
        await WriteEndedAsync("old", tasks: 1);
        var opened = await Open(Run("old"));

        Assert.Equal(1, await Store.Retention.CloseAsync(A.T0.AddDays(1), 10, [], default));

        Assert.Equal(RefusalKind.Busy, (await Assert.ThrowsAsync<RefusedException>(() => Open(Run("old")))).Kind);
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run("old"), opened)));
        Assert.NotNull(await ReadModel.GetRunAsync(A.Ns, "old", default));
        var closed = Assert.Single(await Store.Retention.ListClosedAsync(10, default));
        Assert.Equal((null, true), await Store.Retention.SealAsync(closed, 0, 10, default));

        // Retention that was switched off gives it back.
        using var blobs = Blobs();
        await new Retention(Store, blobs, new RetentionOptions(), TimeProvider.System, Fail).RoundAsync(default);

        Assert.Empty(await Store.Retention.ListClosedAsync(10, default));
        Assert.Null(await ReadModel.GetRetiredAsync(A.Ns, "old", default));
        await Write(Run("old"));
        await Write(Step("old", A.Key()));
    }

    [BackendFact]
    public async Task WhereverItIsStopped_TheNextServerGoesOn_AndLosesNothing()
    {
        // The blob store is called, and the store is written, so many times; each is a place to stop.
        for (var stop = 1; ; stop++)
        {
            var run = $"old{stop}";
            await WriteEndedAsync(run, tasks: 3);
            using var dying = new DyingBlobs(_blobRoot);
            var died = await RoundUntilAsync(dying, stop);
            await ReopenAsync();
            var shown = await ReadModel.GetRunAsync(A.Ns, run, default);
            var archive = (await ReadModel.GetRetiredAsync(A.Ns, run, default))?.Archive;
            // Either all of it is there, or its archive.
            if (shown is not null) Assert.Equal(3, (await ReadModel.ListTasksAsync(A.Ns, run, new TaskFilter(), null, 10, default)).Items.Count);
            else Assert.Equal(3, (await ArchiveAsync(dying, archive!)).Count(l => l.Task is not null));

            await RetainAsync(dying);

            archive = (await ReadModel.GetRetiredAsync(A.Ns, run, default))!.Archive;
            Assert.Equal(3, (await ArchiveAsync(dying, archive!)).Count(l => l.Task is not null));
            Assert.Empty(await ReadModel.ReadHistoryAsync(A.Ns, run, 0, 100, default));
            if (!died)
            {
                Assert.True(stop > 8, $"Only {stop - 1} places to stop.");
                return;
            }
        }
    }

    [BackendFact]
    public async Task ARunWithAManyRows_GoesPieceByPiece()
    {
        var key = await WriteEndedAsync("wide", tasks: 2500);
        using var blobs = Blobs();
        await Store.Retention.CloseAsync(A.T0.AddDays(1), 10, [], default);
        using var dying = new DyingBlobs(_blobRoot);
        Assert.True(await RoundUntilAsync(dying, 0, rows: false));
        var hidden = await Store.Retention.ListHiddenAsync(DateTimeOffset.UtcNow.AddDays(1), 10, default);

        var pieces = new List<int>();
        while (await Store.Retention.RemoveAsync(hidden, 400, DateTimeOffset.UtcNow, default) is > 0 and var gone) pieces.Add(gone);

        Assert.True(pieces.Count >= 7, string.Join(' ', pieces));
        Assert.All(pieces, gone => Assert.InRange(gone, 1, 400));
        Assert.Empty(await Store.Retention.ListHiddenAsync(DateTimeOffset.UtcNow.AddDays(1), 10, default));
        Assert.Equal(2500, (await ArchiveAsync(blobs, (await ReadModel.GetRetiredAsync(A.Ns, "wide", default))!.Archive!)).Count(l => l.Task is not null));
        Assert.Null(await ReadModel.GetTaskAsync(A.Ns, "wide", key, 2499, default));
    }

    [BackendFact]
    public async Task Runs_AreClosedSoManyAtATime_LongestEndedFirst_ButForThoseLeftOut()
    {
        for (var i = 0; i < 9; i++) await Write(Run($"r{i}"), A.Run($"r{i}", status: RunStatus.Failed) with { EndedAt = A.T0.AddSeconds(10 - i) });

        Assert.Equal(3, await Store.Retention.CloseAsync(A.T0.AddSeconds(8), 3, [], default));
        var first = await Store.Retention.ListClosedAsync(10, default);
        await Store.Retention.ReopenAsync(first[0], default);
        Assert.Equal(3, await Store.Retention.CloseAsync(A.T0.AddSeconds(8), 5, [first[0].Id], default));

        Assert.Equal(["r8", "r7", "r6"], first.Select(run => run.Run));
        Assert.Equal(["r7", "r6", "r5", "r4", "r3"], (await Store.Retention.ListClosedAsync(10, default)).Select(run => run.Run));
        await Write(Run("r8"));
    }

    [BackendFact]
    public async Task WithItsTombstone_TheIdIsFree_AndNothingIsMistakenForTheOldRun()
    {
        var key = await WriteEndedAsync("old", tasks: 1);
        var late = await Open(Step("old", key));
        using var blobs = Blobs();
        await RetainAsync(blobs);

        IReadOnlyList<StreamId>? told = null;
        await RetainAsync(blobs, tombstones: TimeSpan.Zero, forgotten: gone => told = gone);

        Assert.Equal([Run("old")], told);
        Assert.Null(await ReadModel.GetRetiredAsync(A.Ns, "old", default));
        // Numbers of rows may be given out again.
        await Write(Run("other"), A.Run("other"));
        await Write(Step("other", key), A.Step("other", key), A.Task("other", key, 0));
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Step("old", key), late)));
        await Write(Run("old"), A.Run("old"));
        Assert.Equal(1, (await Open(Run("old"))).Sequence);
        Assert.Equal(1, (await Open(Step("other", key))).Sequence);
    }

    [BackendFact]
    public async Task WhoWasDeposed_RemovesNothingAnyMore()
    {
        await WriteEndedAsync("old", tasks: 1);
        var former = Store.Retention;

        await DeposeAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => former.CloseAsync(A.T0.AddDays(1), 10, [], default).WaitAsync(Patience));
        await ReopenAsync();
        Assert.Empty(await Store.Retention.ListClosedAsync(10, default));
        Assert.NotNull(await ReadModel.GetRunAsync(A.Ns, "old", default));
    }

    /// <summary>Has another server take the journal over, behind the back of the one that is open.</summary>
    protected abstract Task DeposeAsync();

    private static void Fail(string message) => Assert.Fail(message);

    private DirectoryBlobStore Blobs() => new(_blobRoot);

    /// <summary>A run with a step that ended at <see cref="_ended"/>; its task 1 had a second attempt.</summary>
    private async Task<StepKey> WriteEndedAsync(string run, int tasks, Wake? stepWake = null)
    {
        var key = A.Key();
        await Write(Run(run), A.Run(run, tags: ["blue"]));
        var step = await Open(Step(run, key));
        Row[] rows =
        [
            A.Step(run, key, StepStatus.Succeeded, tasks),
            .. Enumerable.Range(0, tasks).Select(split => A.Task(run, key, split, TaskStatus.Succeeded, $$"""{"n":{{split}}}""")),
            A.Attempt(run, key, 1, 0, AttemptStatus.Lost), A.Attempt(run, key, 1, 1, AttemptStatus.Failed),
        ];
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Step(run, key), step, count: 5, rows: rows, wake: stepWake)));
        await Write(Run(run), A.Run(run, status: RunStatus.Succeeded, tags: ["blue"]));
        return key;
    }

    private async Task RetainAsync(IBlobStore blobs, DateTimeOffset? now = null, TimeSpan? tombstones = null, Action<IReadOnlyList<StreamId>>? forgotten = null)
    {
        var options = new RetentionOptions { Age = TimeSpan.Zero, Grace = TimeSpan.Zero, Tombstones = tombstones ?? TimeSpan.FromDays(90) };
        var retention = new Retention(Store, blobs, options, new FixedClock(now ?? A.T0.AddDays(1)), Fail, gone =>
        {
            forgotten?.Invoke(gone);
            return Task.CompletedTask;
        });
        for (var round = 0; await retention.RoundAsync(default).WaitAsync(Patience) > 0; round++) Assert.True(round < 20, "It does not come to an end.");
    }

    /// <summary>Runs one round and stops it at a call, of the blob store or of the retention port; true when it was stopped.</summary>
    private async Task<bool> RoundUntilAsync(DyingBlobs blobs, int stop, bool rows = true)
    {
        using var mortality = new Mortality(stop);
        blobs.Mortality = mortality;
        var dying = new DyingStore(Store, mortality, rows);
        try
        {
            var options = new RetentionOptions { Age = TimeSpan.Zero, Grace = TimeSpan.Zero };
            await new Retention(dying, blobs, options, new FixedClock(A.T0.AddDays(1)), Fail).RoundAsync(mortality.Death.Token).WaitAsync(Patience);
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        finally
        {
            blobs.Mortality = null;
        }
    }

    private static async Task<List<ArchiveLine>> ArchiveAsync(IBlobStore blobs, string name)
    {
        await using var content = (await blobs.OpenReadAsync(name, 0, default))!;
        return await ArchiveReader.ReadAsync(content, default).ToListAsync();
    }

    private static async Task<List<string>> NamesAsync(DirectoryBlobStore blobs, string folder) => await blobs.ListAsync(folder, default).ToListAsync();

    /// <summary>Stands still, and lets nobody rest.</summary>
    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : TimeSpan.Zero, period);
    }
}
