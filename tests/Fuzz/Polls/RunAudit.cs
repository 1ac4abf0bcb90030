using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Fanfare.Fuzz.Server;

namespace Fanfare.Fuzz.Polls;

/// <summary>What must hold of runs whose workers were tampered with, once a worker as it should be has served them.</summary>
internal static class RunAudit
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>A worker as it should be comes, and brings every run to its end.</summary>
    public static async Task EndAllAsync(RealServer server, IReadOnlyCollection<string> runs)
    {
        var worker = new ModelWorker(server, "steady");
        var open = runs.ToHashSet();
        using var patience = new CancellationTokenSource(Patience);
        while (open.Count > 0)
        {
            if (patience.IsCancellationRequested) throw new FuzzException($"{open.Count} of {runs.Count} runs do not end: {await AboutAsync(server, open.First())}");
            await worker.PollAsync(100);
            foreach (var lease in worker.Held.ToList()) await worker.EndAsync(lease);
            if (worker.Finished.Count > 0) continue;
            foreach (var run in open.ToList())
                if ((await server.Reads.GetRunAsync("default", run, default))!.Status.IsTerminal()) open.Remove(run);
        }
        foreach (var run in runs) CheckHistory(await HistoryAsync(server, run));
    }

    /// <summary>At most one accepted end of each attempt, at most one success of each task, attempts counted up, and every token once.</summary>
    private static void CheckHistory(IReadOnlyList<HistoryEvent> history)
    {
        var leased = new Dictionary<(StreamId, int), int>();
        var tokens = new HashSet<string>();
        var ended = new HashSet<(StreamId, int, int)>();
        var succeeded = new HashSet<(StreamId, int)>();
        foreach (var (_, stream, entry) in history)
        {
            switch (entry.Event)
            {
                case TaskLeased e:
                    Check(tokens.Add(e.Token), $"Token {e.Token} was given twice");
                    Check(leased.GetValueOrDefault((stream, e.Split), -1) < e.Attempt, $"{stream} split {e.Split}: attempt {e.Attempt} was given after a later one");
                    leased[(stream, e.Split)] = e.Attempt;
                    break;
                case TaskSucceeded e:
                    Check(succeeded.Add((stream, e.Split)), $"{stream} split {e.Split} succeeded twice");
                    End(stream, e.Split, e.Attempt);
                    break;
                case TaskFailed { Attempt: >= 0 } e:
                    End(stream, e.Split, e.Attempt);
                    break;
                case TaskLost e:
                    End(stream, e.Split, e.Attempt);
                    break;
                case TaskCancelled { Attempt: >= 0 } e:
                    End(stream, e.Split, e.Attempt);
                    break;
            }
        }

        void End(StreamId stream, int split, int attempt)
        {
            Check(leased.GetValueOrDefault((stream, split), -1) == attempt, $"{stream} split {split}: attempt {attempt} ended and was not the current one");
            Check(ended.Add((stream, split, attempt)), $"{stream} split {split}: attempt {attempt} ended twice");
        }
    }

    private static async Task<IReadOnlyList<HistoryEvent>> HistoryAsync(RealServer server, string run) => await server.Reads.ReadHistoryAsync("default", run, 0, 1_000_000, default);

    private static async Task<string> AboutAsync(RealServer server, string run)
    {
        var row = await server.Reads.GetRunAsync("default", run, default);
        var last = (await HistoryAsync(server, run)).TakeLast(12).Select(e => $"{e.Stream.Name}: {e.Entry.Event}");
        return $"run {run} is {row!.Status}.{Environment.NewLine}{string.Join(Environment.NewLine, last)}{Environment.NewLine}{string.Join(Environment.NewLine, server.Complaints.TakeLast(3))}";
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds) throw new FuzzException(otherwise);
    }
}
