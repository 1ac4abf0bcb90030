using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Storage.Tests.Conformance;

// Triggers, events, what could not start, and pools.
public abstract partial class JournalConformance
{
    [BackendFact]
    public async Task Triggers_AreFoundByWhatTheyListenFor_AndListedByFlowAndName()
    {
        TriggerRow[] rows = [A.Trigger("a", "x", "loaded", "orders"), A.Trigger("a", "y", "other", "orders", paused: true), A.Trigger("b", "x", "loaded", "customers")];
        var a = await Open(Flow("a"));
        var b = await Open(Flow("b"));
        await Append(A.Append(Flow("a"), a, rows: [rows[1], rows[0]]));
        await Append(A.Append(Flow("b"), b, rows: [rows[2]]));

        Assert.Equal(Texts(rows), Texts(await AllPages((cursor, limit) => ReadModel.ListTriggersAsync(A.Ns, null, cursor, limit, default), 1)));
        Assert.Equal(Texts(rows[..2]), Texts(await AllPages((cursor, limit) => ReadModel.ListTriggersAsync(A.Ns, "a", cursor, limit, default), 1)));
        Assert.Equal(Texts([rows[1]]), Texts([(await ReadModel.GetTriggerAsync(A.Ns, "a", "y", default))!]));
        Assert.Equal(Texts([rows[0], rows[2]]), Texts(await ReadModel.ListListenersAsync(A.Ns, new EventOrigin(EventKind.Event, "loaded"), default)));
        Assert.Equal(Texts(rows[..2]), Texts(await ReadModel.ListListenersAsync(A.Ns, new EventOrigin(EventKind.RunEnd, "orders"), default)));
        Assert.Empty(await ReadModel.ListListenersAsync(A.Ns, new EventOrigin(EventKind.RunEnd, "loaded"), default));
        Assert.Empty(await ReadModel.ListListenersAsync("other", new EventOrigin(EventKind.Event, "loaded"), default));
        Assert.Equal([(A.Ns, "customers"), (A.Ns, "orders")], (await ReadModel.ListAwaitedFlowsAsync(default)).Order());

        // What it listened for counts no more, of several in one append the last does, and one that was removed is found by nothing.
        await Append(A.Append(Flow("a"), a, expected: 1, rows: [A.Trigger("a", "x", "loaded", "z"), A.Trigger("a", "x", "changed", "customers"), rows[1] with { Standing = null }]));
        Assert.Equal(Texts([rows[2]]), Texts(await ReadModel.ListListenersAsync(A.Ns, new EventOrigin(EventKind.Event, "loaded"), default)));
        Assert.Equal(Texts([A.Trigger("a", "x", "changed", "customers")]), Texts(await ReadModel.ListListenersAsync(A.Ns, new EventOrigin(EventKind.Event, "changed"), default)));
        Assert.Null(await ReadModel.GetTriggerAsync(A.Ns, "a", "y", default));
        Assert.Equal([(A.Ns, "customers")], await ReadModel.ListAwaitedFlowsAsync(default));

        static IEnumerable<string> Texts(IEnumerable<TriggerRow> rows) => rows.Select(row => $"{row.Flow}/{row.Trigger} {JsonSerializer.Serialize(row.Standing, ContractsJson.Default.TriggerStanding)}");
    }

    [BackendFact]
    public async Task Events_AreListedNewestFirst_AndChangeTheirOutcomes()
    {
        var outcome = new TriggerOutcome("a", "x", 2, TriggerResult.Started, new TriggeredStart("r1", """{"n":1}""", ["t"], 3));
        EventRow[] rows = [A.Event("e1", "loaded", 1, outcome), A.Event("e2", "other", 2), A.Event("e3", "loaded", 2), A.Event("e4", "loaded", 0)];
        var opened = new Dictionary<string, OpenedStream>();
        foreach (var row in rows)
        {
            opened[row.Event] = await Open(StreamId.Event(A.Ns, row.Event));
            await Append(A.Append(StreamId.Event(A.Ns, row.Event), opened[row.Event], rows: [row]));
        }

        Assert.Equal(Texts([rows[2], rows[1], rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListEventsAsync(A.Ns, null, cursor, limit, default), 1)));
        Assert.Equal(Texts([rows[2], rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListEventsAsync(A.Ns, "loaded", cursor, limit, default), 2)));
        Assert.Equal(Texts([rows[0]]), Texts([(await ReadModel.GetEventAsync(A.Ns, "e1", default))!]));
        Assert.Null(await ReadModel.GetEventAsync("other", "e1", default));
        await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListEventsAsync(A.Ns, null, "nonsense", 1, default));

        var changed = rows[1] with { Outcomes = [outcome with { Result = TriggerResult.Failed, Start = null, Reason = "no" }] };
        await Append(A.Append(StreamId.Event(A.Ns, "e2"), opened["e2"], expected: 1, rows: [rows[1], changed]));
        Assert.Equal(Texts([changed]), Texts([(await ReadModel.GetEventAsync(A.Ns, "e2", default))!]));

        static IEnumerable<string> Texts(IEnumerable<EventRow> rows) =>
            rows.Select(row => $"{row.Event} {row.Origin} {row.Payload} {row.Key} {row.Actor} {row.At:O} {JsonSerializer.Serialize(row.Outcomes, ContractsJson.Default.IReadOnlyListTriggerOutcome)}");
    }

    [BackendFact]
    public async Task Notices_AreListedNewestFirst_AndByWhatDidNotArrive()
    {
        NoticeRow[] rows = [A.Notice("n1", "a", 1, NoticeState.Dead), A.Notice("n2", "z", 2, NoticeState.Dead), A.Notice("n3", "a", 2, NoticeState.Told), A.Notice("n4", "a", 0, NoticeState.Dead)];
        var opened = new Dictionary<string, OpenedStream>();
        foreach (var row in rows)
        {
            opened[row.Notice] = await Open(StreamId.Notice(A.Ns, row.Notice));
            await Append(A.Append(StreamId.Notice(A.Ns, row.Notice), opened[row.Notice], rows: [row]));
        }

        Assert.Equal(Texts([rows[2], rows[1], rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListNoticesAsync(A.Ns, null, false, cursor, limit, default), 1)));
        Assert.Equal(Texts([rows[2], rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListNoticesAsync(A.Ns, "a", false, cursor, limit, default), 2)));
        Assert.Equal(Texts([rows[1], rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListNoticesAsync(A.Ns, null, true, cursor, limit, default), 1)));
        Assert.Equal(Texts([rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListNoticesAsync(A.Ns, "a", true, cursor, limit, default), 1)));
        Assert.Equal(Texts([rows[0]]), Texts([(await ReadModel.GetNoticeAsync(A.Ns, "n1", default))!]));
        Assert.Null(await ReadModel.GetNoticeAsync("other", "n1", default));

        var changed = A.Notice("n1", "a", 1, NoticeState.Dismissed);
        await Append(A.Append(StreamId.Notice(A.Ns, "n1"), opened["n1"], expected: 1, rows: [rows[0], changed]));
        Assert.Equal(Texts([changed]), Texts([(await ReadModel.GetNoticeAsync(A.Ns, "n1", default))!]));
        Assert.Equal(Texts([rows[3]]), Texts((await ReadModel.ListNoticesAsync(A.Ns, "a", true, null, 10, default)).Items));

        static IEnumerable<string> Texts(IEnumerable<NoticeRow> rows) => rows.Select(row => $"{row.Notice} {row.Flow} {row.At:O} {JsonSerializer.Serialize(row.Standing, ContractsJson.Default.NoticeStanding)}");
    }

    [BackendFact]
    public async Task WhatIsSettledAndOld_IsForgotten_AndItsIdIsFreeAgain()
    {
        var watched = A.Notice("watched", "a", 1, NoticeState.Told);
        watched = watched with { Standing = watched.Standing with { Deliveries = [] } };
        Row[] settled = [A.Event("e1", "orders", 1), A.Notice("n1", "a", 1, NoticeState.Told), A.Notice("n2", "a", 1, NoticeState.Dismissed), watched];
        Row[] kept = [A.Event("young", "orders", 9), A.Event("dead", "orders", 1), A.Event("busy", "orders", 1), A.Notice("young", "a", 9, NoticeState.Told), A.Notice("dead", "a", 1, NoticeState.Dead), A.Notice("busy", "a", 1, NoticeState.Pending)];
        foreach (var row in settled.Concat(kept))
        {
            var stream = StreamOf(row);
            Row[] rows = row is EventRow { Event: "dead" } ? [row, A.DeadLetter("dead", "a", "x", 1)] : [row];
            await Append(A.Append(stream, await Open(stream), count: 3, rows: rows, wake: stream.Name == "busy" ? new Wake(A.T0, 0) : null));
        }
        var before = A.T0.AddSeconds(5);

        Assert.Equal(2, await Store.Retention.ForgetSettledAsync(before, 1, default));
        Assert.Equal(2, await Store.Retention.ForgetSettledAsync(before, 10, default));
        Assert.Equal(0, await Store.Retention.ForgetSettledAsync(before, 10, default));

        Assert.Equal(["busy", "dead", "young"], (await ReadModel.ListEventsAsync(A.Ns, null, null, 10, default)).Items.Select(row => row.Event).Order());
        Assert.Equal(["busy", "dead", "young"], (await ReadModel.ListNoticesAsync(A.Ns, null, false, null, 10, default)).Items.Select(row => row.Notice).Order());
        foreach (var row in kept) Assert.Equal(3, (await Open(StreamOf(row))).Events.Count);
        foreach (var row in settled)
        {
            // Another may have the id from now on, whoever had it open before.
            var opened = await Open(StreamOf(row));
            Assert.Equal((0, 0), (opened.Sequence, opened.Events.Count));
            Assert.Equal(AppendOutcome.Committed, await Append(A.Append(StreamOf(row), opened, rows: [row])));
        }
        await ReopenAsync();
        foreach (var row in settled) Assert.Single((await Open(StreamOf(row))).Events);

        static StreamId StreamOf(Row row) => row is EventRow e ? StreamId.Event(A.Ns, e.Event) : StreamId.Notice(A.Ns, ((NoticeRow)row).Notice);
    }

    [BackendFact]
    public async Task Pools_AreListedByName_AndLeaveTheListWhenTheyAreGone()
    {
        PoolRow[] rows = [A.Pool("cpu", 1), A.Pool("gpu", 2), A.Pool("gpu-2", 1, A.T0.AddSeconds(3))];
        var opened = new Dictionary<string, OpenedStream>();
        foreach (var row in rows.Reverse())
        {
            opened[row.Pool] = await Open(StreamId.Pool(row.Pool));
            await Append(A.Append(StreamId.Pool(row.Pool), opened[row.Pool], rows: [row]));
        }

        Assert.Equal(Texts(rows), Texts(await AllPages((cursor, limit) => ReadModel.ListPoolsAsync(cursor, limit, default), 1)));
        Assert.Equal(Texts(rows), Texts((await ReadModel.ListPoolsAsync(null, 3, default)).Items));
        Assert.Equal(Texts([rows[1]]), Texts([(await ReadModel.GetPoolAsync("gpu", default))!]));
        Assert.Null(await ReadModel.GetPoolAsync("GPU", default));
        await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListPoolsAsync("nonsense", 1, default));

        // Of several in one append the last counts, whichever way.
        await Append(A.Append(StreamId.Pool("cpu"), opened["cpu"], expected: 1, rows: [rows[0] with { Standing = null }, A.Pool("cpu", 7)]));
        await Append(A.Append(StreamId.Pool("gpu"), opened["gpu"], expected: 1, rows: [A.Pool("gpu", 3), rows[1] with { Standing = null }]));
        Assert.Equal(Texts([A.Pool("cpu", 7), rows[2]]), Texts((await ReadModel.ListPoolsAsync(null, 10, default)).Items));
        Assert.Null(await ReadModel.GetPoolAsync("gpu", default));

        await Append(A.Append(StreamId.Pool("gpu"), opened["gpu"], expected: 2, rows: [A.Pool("gpu", 4)]));
        await ReopenAsync();
        Assert.Equal(Texts([A.Pool("gpu", 4)]), Texts([(await ReadModel.GetPoolAsync("gpu", default))!]));

        // Written by its own stream only.
        var cpu = await Open(StreamId.Pool("cpu"));
        await Assert.ThrowsAsync<ArgumentException>(() => Append(A.Append(StreamId.Pool("cpu"), cpu, expected: 2, rows: [A.Pool("gpu", 9)])));

        static IEnumerable<string> Texts(IEnumerable<PoolRow> rows) => rows.Select(row => $"{row.Pool} {JsonSerializer.Serialize(row.Standing, ContractsJson.Default.PoolStanding)}");
    }

    [BackendFact]
    public async Task Backfills_AreListedNewestFirst_AndChangeHowTheyStand()
    {
        BackfillRow[] rows = [A.Backfill("b1", "a", 1), A.Backfill("b2", "z", 2), A.Backfill("b3", "a", 2), A.Backfill("b4", "a", 0)];
        var opened = new Dictionary<string, OpenedStream>();
        foreach (var row in rows)
        {
            opened[row.Backfill] = await Open(StreamId.Backfill(A.Ns, row.Backfill));
            await Append(A.Append(StreamId.Backfill(A.Ns, row.Backfill), opened[row.Backfill], rows: [row]));
        }

        Assert.Equal(Texts([rows[2], rows[1], rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListBackfillsAsync(A.Ns, null, cursor, limit, default), 1)));
        Assert.Equal(Texts([rows[2], rows[0], rows[3]]), Texts(await AllPages((cursor, limit) => ReadModel.ListBackfillsAsync(A.Ns, "a", cursor, limit, default), 2)));
        Assert.Equal(Texts([rows[0]]), Texts([(await ReadModel.GetBackfillAsync(A.Ns, "b1", default))!]));
        Assert.Null(await ReadModel.GetBackfillAsync("other", "b1", default));
        await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListBackfillsAsync(A.Ns, null, "nonsense", 1, default));

        var changed = A.Backfill("b2", "z", 2, taken: 9);
        await Append(A.Append(StreamId.Backfill(A.Ns, "b2"), opened["b2"], expected: 1, rows: [rows[1], changed]));
        Assert.Equal(Texts([changed]), Texts([(await ReadModel.GetBackfillAsync(A.Ns, "b2", default))!]));

        static IEnumerable<string> Texts(IEnumerable<BackfillRow> rows) =>
            rows.Select(row => $"{row.Backfill} {row.Flow} {row.Schedule} {row.Actor} {row.CreatedAt:O} {JsonSerializer.Serialize(row.Standing, ContractsJson.Default.BackfillStanding)}");
    }

    [BackendFact]
    public async Task DeadLetters_AreListedOldestFirst_UntilTheyAreSettled()
    {
        DeadLetterRow[] rows = [A.DeadLetter("e2", "a", "x", 1), A.DeadLetter("e1", "a", "x", 2), A.DeadLetter("e1", "a", "y", 2), A.DeadLetter("e1", "b", "x", 2)];
        var (one, two) = (await Open(StreamId.Event(A.Ns, "e1")), await Open(StreamId.Event(A.Ns, "e2")));
        await Append(A.Append(StreamId.Event(A.Ns, "e1"), one, rows: rows[1..]));
        await Append(A.Append(StreamId.Event(A.Ns, "e2"), two, rows: [rows[0]]));

        Assert.Equal(rows, await AllPages((cursor, limit) => ReadModel.ListDeadLettersAsync(A.Ns, null, null, cursor, limit, default), 1));
        Assert.Equal(rows[..3], await AllPages((cursor, limit) => ReadModel.ListDeadLettersAsync(A.Ns, "a", null, cursor, limit, default), 2));
        Assert.Equal(rows[..2], await AllPages((cursor, limit) => ReadModel.ListDeadLettersAsync(A.Ns, "a", "x", cursor, limit, default), 1));

        await Append(A.Append(StreamId.Event(A.Ns, "e1"), one, expected: 1, rows: [A.DeadLetter("e1", "a", "x", 9, "anew"), A.DeadLetter("e1", "a", "y", 9, null)]));
        Assert.Equal([rows[0], rows[3], A.DeadLetter("e1", "a", "x", 9, "anew")], (await ReadModel.ListDeadLettersAsync(A.Ns, null, null, null, 10, default)).Items);
        await Append(A.Append(StreamId.Event(A.Ns, "e2"), two, expected: 1, rows: [rows[0], rows[0] with { Reason = null }]));
        Assert.Equal([rows[3], A.DeadLetter("e1", "a", "x", 9, "anew")], (await ReadModel.ListDeadLettersAsync(A.Ns, null, null, null, 10, default)).Items);
    }

    [BackendFact]
    public async Task WhatIsOpen_IsCounted_OverAllNamespaces_UntilItIsSettledOrEnds()
    {
        Assert.Equal("0 0 Running 0, Paused 0, Cancelling 0, Failing 0, Finishing 0", await Counted(10));
        var (e1, e2) = (StreamId.Event(A.Ns, "e1"), StreamId.Event("other", "e2"));
        var n1 = StreamId.Notice(A.Ns, "n1");
        var (one, two, notice) = (await Open(e1), await Open(e2), await Open(n1));
        await Append(A.Append(e1, one, rows: [A.DeadLetter("e1", "a", "x", 1), A.DeadLetter("e1", "a", "y", 2)]));
        await Append(A.Append(e2, two, rows: [A.DeadLetter("e2", "a", "x", 1) with { Namespace = "other" }]));
        var dead = A.Notice("n1", "a", 1, NoticeState.Dead);
        var delivery = dead.Standing.Deliveries[0];
        dead = dead with { Standing = dead.Standing with { Deliveries = [delivery, delivery with { Receiver = "another" }] } };
        await Append(A.Append(n1, notice, rows: [dead]));
        foreach (var state in Enum.GetValues<NoticeState>().Where(state => state != NoticeState.Dead))
        {
            var stream = StreamId.Notice(A.Ns, $"{state}");
            await Append(A.Append(stream, await Open(stream), rows: [A.Notice($"{state}", "a", 1, state)]));
        }
        var opened = new Dictionary<RunStatus, OpenedStream>();
        foreach (var status in Enum.GetValues<RunStatus>())
        {
            opened[status] = await Open(StreamId.Run(A.Ns, $"{status}"));
            await Append(A.Append(StreamId.Run(A.Ns, $"{status}"), opened[status], rows: [A.Run($"{status}", status: status)]));
        }
        var elsewhere = StreamId.Run("other", "r");
        await Append(A.Append(elsewhere, await Open(elsewhere), rows: [A.Run("r", created: A.T0.AddSeconds(1), ns: "other")]));

        Assert.Equal("3 1 Running 2, Paused 1, Cancelling 1, Failing 1, Finishing 1", await Counted(6));
        // No more than is asked for, of each of them.
        Assert.Equal((2, 1, 2), await ReadModel.CountOpenAsync(2, default) is var bounded ? (bounded.DeadEvents, bounded.DeadNotices, bounded.ActiveRuns.Values.Sum()) : default);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ReadModel.CountOpenAsync(0, default));

        await Append(A.Append(e1, one, expected: 1, rows: [A.DeadLetter("e1", "a", "y", 9, null)]));
        await Append(A.Append(n1, notice, expected: 1, rows: [A.Notice("n1", "a", 1, NoticeState.Dismissed)]));
        await Append(A.Append(StreamId.Run(A.Ns, "Paused"), opened[RunStatus.Paused], expected: 1, rows: [A.Run("Paused", status: RunStatus.Succeeded)]));
        Assert.Equal("2 0 Running 2, Paused 0, Cancelling 1, Failing 1, Finishing 1", await Counted(100));

        async Task<string> Counted(int most)
        {
            var counts = await ReadModel.CountOpenAsync(most, default);
            return $"{counts.DeadEvents} {counts.DeadNotices} {string.Join(", ", counts.ActiveRuns.OrderBy(runs => runs.Key).Select(runs => $"{runs.Key} {runs.Value}"))}";
        }
    }
}
