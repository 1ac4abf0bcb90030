using Fanfare.Contracts;

namespace Fanfare.Engine;

// What ended when its node died may be durable and yet in nobody's traces. So a node that takes over looks at what ended shortly before, and tells it again.
public sealed partial class EngineNode
{
    /// <summary>How far back it is told again: longer than what ended waits to be sent, and than a takeover takes.</summary>
    private static readonly TimeSpan ToldAgainWithin = TimeSpan.FromMinutes(2);

    /// <summary>How much clocks of nodes may differ.</summary>
    private static readonly TimeSpan ClockMargin = TimeSpan.FromSeconds(5);

    /// <summary>Runs that are looked at: so many of the newest, and so many of the newest that go on.</summary>
    private const int MostRecentRuns = 1000;

    /// <summary>A step that has ended is read again only if it is no wider.</summary>
    private const int MostRecentTasks = 50_000;

    private DateTimeOffset _tookOverAt = DateTimeOffset.MinValue;

    /// <summary>Whether an event that was found in the journal, and not appended here, ended something that may not have been told.</summary>
    /// <param name="mayHaveMissed">It may have been appended here all the same.</param>
    internal bool IsToldAgain(DateTimeOffset at, bool mayHaveMissed) => at >= Now - ToldAgainWithin && (mayHaveMissed || at <= _tookOverAt + ClockMargin);

    // Beside everything else: tasks come before what is told of them.
    private void TellRecent()
    {
        if (Options.Traces is { } traces) Start(() => TellRecentAsync(traces));
    }

    private async Task TellRecentAsync(ITraces traces)
    {
        var since = Now - ToldAgainWithin;
        try
        {
            foreach (var ns in _activations.Keys.Select(stream => stream.Namespace).Append("default").Distinct().ToList())
            {
                var runs = new Dictionary<string, RunRow>();
                foreach (var active in (bool?[])[null, true])
                    foreach (var run in (await ReadModel.ListRunsAsync(new RunFilter(ns, Active: active), null, MostRecentRuns, Stopping)).Items)
                        if ((run.EndedAt is null || run.EndedAt >= since) && traces.IsSampled(ns, run.Run) && Owns(StreamId.Run(ns, run.Run))) runs[run.Run] = run;
                foreach (var run in runs.Values) await TellRunAsync(run, since);
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !Stopping.IsCancellationRequested)
        {
            Warn($"what ended shortly before this server took over could not be looked up, and may be missing in traces: {exception.Message}");
        }
    }

    private async Task TellRunAsync(RunRow run, DateTimeOffset since)
    {
        if (run.EndedAt is not null) await WakeAsync(StreamId.Run(run.Namespace, run.Run));
        string? cursor = null;
        do
        {
            var page = await ReadModel.ListStepsAsync(run.Namespace, run.Run, cursor, WakesPage, Stopping);
            foreach (var step in page.Items)
                if (step.EndedAt >= since && step.Total <= MostRecentTasks) await WakeAsync(StreamId.Step(run.Namespace, run.Run, step.Key));
            cursor = page.Next;
        }
        while (cursor is not null);
    }
}
