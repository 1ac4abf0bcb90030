using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Storage.Tests.Conformance;

public abstract partial class JournalConformance
{
    [BackendFact]
    public async Task Wakes_AreScannedByDueTime_PageByPage_AndOnlyThoseDue()
    {
        for (var i = 0; i < 10; i++) await WriteWake($"r{i}", A.T0.AddSeconds(i % 5));
        await WriteWake("now", DateTimeOffset.MinValue);
        await WriteWake("later", A.T0.AddDays(1));

        var all = await Scan(A.T0.AddHours(1), 100, null);
        var paged = new List<(StreamId Stream, DateTimeOffset Due)>();
        for (StreamId? after = null; await Scan(A.T0.AddHours(1), 3, after) is { Count: > 0 } page; after = page[^1].Stream) paged.AddRange(page);

        Assert.Equal(11, all.Count);
        Assert.Equal((Run("now"), DateTimeOffset.MinValue), all[0]);
        Assert.Equal(all.Select(w => w.Due).Order(), all.Select(w => w.Due));
        Assert.Equal(all, paged);
    }

    [BackendFact]
    public async Task ManyWakesAtOnce_ArePagedWithoutLossOrRepeat()
    {
        for (var i = 0; i < 25; i++) await WriteWake($"r{i}", i < 20 ? DateTimeOffset.MinValue : A.T0);
        var paged = new List<StreamId>();

        for (StreamId? after = null; await Scan(A.T0, 4, after) is { Count: > 0 } page; after = page[^1].Stream) paged.AddRange(page.Select(w => w.Stream));

        Assert.Equal(25, paged.Count);
        Assert.Equal(25, paged.Distinct().Count());
    }

    [BackendFact]
    public async Task AScan_GoesOn_ThoughTheRowsItHasNamedMoveOrGo()
    {
        for (var i = 0; i < 9; i++) await WriteWake($"r{i}", A.T0.AddSeconds(i));
        var seen = new HashSet<string>();

        for (StreamId? after = null; await Scan(A.T0.AddHours(1), 2, after) is { Count: > 0 } page; after = page[^1].Stream)
        {
            foreach (var (stream, _) in page)
            {
                Assert.True(seen.Add(stream.Name), $"{stream} was named twice.");
                // The stream is woken: its row goes, or moves beyond what is due.
                var opened = await Open(stream);
                var wake = stream.Name[^1] % 2 == 0 ? null : new Wake(A.T0.AddDays(2), 1);
                Assert.Equal(AppendOutcome.Committed, await Journal.AcknowledgeAsync(stream, opened.Epoch, wake).WaitAsync(Patience));
            }
        }

        Assert.Equal(9, seen.Count);
    }

    [BackendFact]
    public async Task AScanForWhatComesLater_LeavesOutWhatIsDueAtOnce()
    {
        for (var i = 0; i < 5; i++) await WriteWake($"now{i}", DateTimeOffset.MinValue);
        for (var i = 0; i < 5; i++) await WriteWake($"r{i}", A.T0.AddSeconds(i / 2));
        var (seen, query) = (new List<string>(), new WakeQuery(A.T0.AddSeconds(1), Later: DateTimeOffset.MinValue));

        for (StreamId? after = null; await Journal.ScanWakesAsync(query, 2, after, default).WaitAsync(Patience) is { Count: > 0 } page; after = page[^1].Stream) seen.AddRange(page.Select(wake => wake.Stream.Name));

        Assert.Equal(["r0", "r1", "r2", "r3"], seen.Order());
        Assert.Equal(9, (await Scan(A.T0.AddSeconds(1), 100, null)).Count);
    }

    [BackendFact]
    public async Task TheWakeRow_IsWhatTheLastAppendOrAcknowledgeSaid()
    {
        var opened = await Open(Run());
        await Append(A.Append(Run(), opened, wake: new Wake(A.T0, 4)));
        Assert.Equal(4, (opened = await Open(Run())).Acknowledged);

        Assert.Equal(AppendOutcome.Committed, await Journal.AcknowledgeAsync(Run(), opened.Epoch, new Wake(A.T0.AddMinutes(1), 9)).WaitAsync(Patience));
        Assert.Equal([(Run(), A.T0.AddMinutes(1))], await Scan(A.T0.AddDays(1), 10, null));
        await ReopenAsync();
        Assert.Equal(9, (opened = await Open(Run())).Acknowledged);

        Assert.Equal(AppendOutcome.Committed, await Journal.AcknowledgeAsync(Run(), opened.Epoch, null).WaitAsync(Patience));
        Assert.Equal(long.MaxValue, (opened = await Open(Run())).Acknowledged);
        Assert.Empty(await Scan(A.T0.AddDays(1), 10, null));

        await Append(A.Append(Run(), opened, wake: new Wake(A.T0, 11)));
        await Append(A.Append(Run(), opened, expected: 2));
        Assert.Empty(await Scan(A.T0.AddDays(1), 10, null));
    }

    [BackendFact]
    public async Task AcknowledgingAStreamThatIsNotThere_IsFenced()
    {
        var opened = await Open(Run());

        Assert.Equal(AppendOutcome.Fenced, await Journal.AcknowledgeAsync(Run(), opened.Epoch, new Wake(A.T0, 1)).WaitAsync(Patience));
        Assert.Empty(await Scan(A.T0.AddDays(1), 10, null));
    }

    private async Task WriteWake(string run, DateTimeOffset due) =>
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(run), await Open(Run(run)), wake: new Wake(due, 0))));

    private Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> Scan(DateTimeOffset due, int limit, StreamId? after) =>
        Journal.ScanWakesAsync(due, limit, after, default).WaitAsync(Patience);
}
