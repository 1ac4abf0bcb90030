using Fanfare.Contracts;
using Fanfare.Invariants;
using Fanfare.Storage;

namespace Fanfare.Nodes;

/// <summary>Reads whole histories from a database that no server uses any more, and has the simulation's judge check them.</summary>
internal static class Histories
{
    public static async Task CheckAsync(string database, string ns, IEnumerable<string> flows, IReadOnlyCollection<string> runs)
    {
        await using var election = await PostgresElection.JoinAsync(database, TimeProvider.System);
        await using var store = await election.WinAsync("check", default);
        var checker = new HistoryChecker();
        foreach (var flow in flows)
        {
            var stream = StreamId.Flow(ns, flow);
            foreach (var entry in (await store.Journal.OpenAsync(stream, default)).Events) checker.Read(new Recorded(0, entry.At, "", stream, entry, ""));
        }
        foreach (var schedule in (await store.ReadModel.ListSchedulesAsync(ns, null, null, 1000, default)).Items)
        {
            var stream = StreamId.Schedule(ns, schedule.Flow, schedule.Schedule);
            foreach (var entry in (await store.Journal.OpenAsync(stream, default)).Events) checker.Read(new Recorded(0, entry.At, "", stream, entry, ""));
        }
        foreach (var backfill in (await store.ReadModel.ListBackfillsAsync(ns, null, null, 1000, default)).Items)
        {
            var stream = StreamId.Backfill(ns, backfill.Backfill);
            foreach (var entry in (await store.Journal.OpenAsync(stream, default)).Events) checker.Read(new Recorded(0, entry.At, "", stream, entry, ""));
        }
        foreach (var pool in (await store.ReadModel.ListPoolsAsync(null, 1000, default)).Items)
        {
            var stream = StreamId.Pool(pool.Pool);
            foreach (var entry in (await store.Journal.OpenAsync(stream, default)).Events) checker.Read(new Recorded(0, entry.At, "", stream, entry, ""));
        }
        var notices = new List<Recorded>();
        foreach (var notice in (await store.ReadModel.ListNoticesAsync(ns, null, false, null, 1000, default)).Items)
        {
            var stream = StreamId.Notice(ns, notice.Notice);
            foreach (var entry in (await store.Journal.OpenAsync(stream, default)).Events) notices.Add(new Recorded(0, entry.At, "", stream, entry, ""));
        }
        var events = (await store.ReadModel.ListEventsAsync(ns, null, null, 1000, default)).Items;
        var triggers = events.SelectMany(e => e.Outcomes).Where(outcome => outcome.Held is not null).Select(outcome => StreamId.Trigger(ns, outcome.Flow, outcome.Trigger)).Distinct();
        foreach (var stream in events.Select(e => StreamId.Event(ns, e.Event)).Concat(triggers))
            foreach (var entry in (await store.Journal.OpenAsync(stream, default)).Events) checker.Read(new Recorded(0, entry.At, "", stream, entry, ""));
        foreach (var run in runs)
            foreach (var each in await store.ReadModel.ReadHistoryAsync(ns, run, 0, 100_000, default)) checker.Read(new Recorded(each.Position, each.Entry.At, "", each.Stream, each.Entry, ""));
        foreach (var recorded in notices) checker.Read(recorded);
        Assert.Empty(checker.Notices.Missing());
        Assert.Empty(checker.Violations.Select(violation => $"{violation.Run} {violation.Position}: {violation.What}"));
        Assert.Equal(runs.Count, checker.Runs.Count);
    }
}
