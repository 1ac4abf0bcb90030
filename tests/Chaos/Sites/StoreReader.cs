using System.Text.Json;

namespace Fanfare.Chaos.Sites;

/// <summary>Reads a store through its ports, whichever store it is.</summary>
/// <param name="isDense">Whether its positions have no gaps.</param>
internal sealed class StoreReader(IJournal journal, IReadModel model, bool isDense = true)
{
    private const int PageSize = 1000;

    private const string Namespace = "default";

    public async Task<Reading> ReadAsync()
    {
        var runs = await AllAsync(cursor => model.ListRunsAsync(new RunFilter(Namespace), cursor, PageSize, default));
        var (steps, tasks, ofRuns) = (new List<StepRow>(), new List<TaskRow>(), new List<HistoryEvent>());
        foreach (var run in runs)
        {
            steps.AddRange(await AllAsync(cursor => model.ListStepsAsync(Namespace, run.Run, cursor, PageSize, default)));
            tasks.AddRange(await AllAsync(cursor => model.ListTasksAsync(Namespace, run.Run, new TaskFilter(), cursor, PageSize, default)));
            ofRuns.AddRange(await HistoryAsync(run.Run));
        }
        var ofFlows = new List<(StreamId Stream, JournalEvent Entry)>();
        foreach (var flow in await AllAsync(cursor => model.ListFlowsAsync(Namespace, cursor, PageSize, default)))
        {
            // Opening a stream also checks that its sequence has no gap.
            var stream = StreamId.Flow(Namespace, flow.Flow);
            ofFlows.AddRange((await journal.OpenAsync(stream, default)).Events.Select(e => (stream, e)));
        }
        var gaps = new List<string>();
        var events = Merge(ofRuns, ofFlows, isDense ? await model.GetPositionAsync("default", "run", default) : null, gaps);
        foreach (var stream in events.GroupBy(e => e.Stream))
            if (!stream.Select(e => e.Entry.Sequence).SequenceEqual(Enumerable.Range(1, stream.Count()).Select(s => (long)s))) gaps.Add($"The sequence of {stream.Key} has a gap or is out of order.");
        return new Reading(events, runs, steps, tasks, gaps);
    }

    // Flows are read without their positions. The positions that no run's event has are theirs, in the order of their times; were any
    // left over, an event would be missing.
    // Where positions have gaps, flows come first: no check asks which deployment came before which run.
    private static List<Recorded> Merge(List<HistoryEvent> ofRuns, List<(StreamId Stream, JournalEvent Entry)> ofFlows, long? last, List<string> gaps)
    {
        var taken = ofRuns.Select(e => e.Position).ToHashSet();
        if (taken.Count != ofRuns.Count) gaps.Add("Two events have the same position.");
        var free = new List<long>();
        for (var position = 1L; position <= last; position++)
            if (!taken.Contains(position)) free.Add(position);
        if (last is not null && free.Count != ofFlows.Count) gaps.Add($"{free.Count} positions up to {last} belong to no run, and the flows have {ofFlows.Count} events.");
        var flows = ofFlows.OrderBy(f => f.Entry.At).Select((f, i) => new HistoryEvent(i < free.Count ? free[i] : 0, f.Stream, f.Entry));
        return [.. ofRuns.Concat(flows).OrderBy(e => e.Position)
            .Select(e => new Recorded(e.Position, e.Entry.At, e.Entry.Actor, e.Stream, e.Entry, JsonSerializer.Serialize(e.Entry.Event, ContractsJson.Default.Event)))];
    }

    private async Task<List<HistoryEvent>> HistoryAsync(string run)
    {
        var events = new List<HistoryEvent>();
        while (true)
        {
            var page = await model.ReadHistoryAsync(Namespace, run, events.Count == 0 ? 0 : events[^1].Position, PageSize, default);
            if (page.Count == 0) return events;
            events.AddRange(page);
        }
    }

    private static async Task<List<T>> AllAsync<T>(Func<string?, Task<Page<T>>> read)
    {
        var items = new List<T>();
        for (string? cursor = null; ;)
        {
            var page = await read(cursor);
            items.AddRange(page.Items);
            if (page.Next is null) return items;
            cursor = page.Next;
        }
    }
}
