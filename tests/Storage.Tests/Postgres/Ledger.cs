using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>What was answered to those who wrote to some runs, each of a run and a step, whichever node owned them at the time.</summary>
internal sealed class Ledger(int runs)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<StreamId, HashSet<string>> _committed = [];
    private readonly HashSet<string> _fenced = [];
    private readonly List<(HashSet<StreamId> Missing, TaskCompletionSource Reached)> _waiting = [];

    public IReadOnlyList<StreamId> Streams { get; } =
        [.. Enumerable.Range(0, runs).SelectMany(r => new[] { StreamId.Run(A.Ns, $"r{r}"), StreamId.Step(A.Ns, $"r{r}", A.Key()) })];

    public int Fenced
    {
        get
        {
            lock (_lock) return _fenced.Count;
        }
    }

    public void Answer(StreamId stream, string text, AppendOutcome outcome)
    {
        lock (_lock)
        {
            if (outcome == AppendOutcome.Fenced)
            {
                _fenced.Add(text);
                return;
            }
            if (!_committed.TryGetValue(stream, out var texts)) _committed[stream] = texts = [];
            texts.Add(text);
            foreach (var (missing, reached) in _waiting)
                if (missing.Remove(stream) && missing.Count == 0) reached.TrySetResult();
        }
    }

    /// <summary>Completes when something more was committed to each stream.</summary>
    public Task AllGoOnAsync()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock) _waiting.Add(([.. Streams], reached));
        return reached.Task;
    }

    /// <summary>Asserts that the database has what was answered <see cref="AppendOutcome.Committed"/>, once and each at its place, and nothing else.</summary>
    /// <param name="store">Of who leads alone.</param>
    public async Task CheckAsync(PrivatePostgres server, string database, IStore store)
    {
        foreach (var stream in Streams)
        {
            var opened = await store.Journal.OpenAsync(stream, default);
            var found = opened.Events.Select(e => ((RunCancelRequested)e.Event).Reason!).ToList();
            Assert.Equal(found.Count, found.Distinct().Count());
            Assert.True(_committed.GetValueOrDefault(stream, []).SetEquals(found));
            for (var i = 0; i < found.Count; i++) Assert.EndsWith($" {i}", found[i], StringComparison.Ordinal);
            if (found.Count > 0 && stream.Kind == StreamKind.Run) Assert.Equal(found.Count, (await store.ReadModel.GetRunAsync(A.Ns, stream.RunId!, default))!.Generation);
        }
        // In a run, positions grow with the order of commits, whoever wrote.
        Assert.Equal(0, await server.ScalarAsync<long>("SELECT count(*) FROM events a JOIN events b ON a.stream_id = b.stream_id AND a.seq < b.seq AND a.position >= b.position", database));
        Assert.Equal(0, await server.ScalarAsync<long>("SELECT count(*) FROM (SELECT FROM events GROUP BY position HAVING count(*) > 1) twice", database));
    }
}

/// <summary>Writes to the streams of the shards that a node owns, one append after another in each.</summary>
internal sealed class NodeTraffic(Ledger ledger, string name) : IShardHost
{
    private readonly Dictionary<int, (CancellationTokenSource Stop, Task All)> _shards = [];

    public IStore Store { get; set; } = null!;

    public Task<Task> GainedAsync(IReadOnlyList<int> shards)
    {
        lock (_shards)
        {
            foreach (var shard in shards)
            {
                var stop = new CancellationTokenSource();
                _shards.Add(shard, (stop, Task.WhenAll(ledger.Streams.Where(stream => Shards.Of(stream) == shard).Select(stream => Task.Run(() => WriteAsync(stream, stop.Token))))));
            }
        }
        return Task.FromResult(Task.CompletedTask);
    }

    public async Task LosingAsync(IReadOnlyList<int> shards)
    {
        var losing = new List<Task>();
        lock (_shards)
        {
            foreach (var shard in shards)
            {
                if (!_shards.Remove(shard, out var writing)) continue;
                writing.Stop.Cancel();
                losing.Add(writing.All);
            }
        }
        await Task.WhenAll(losing);
    }

    public Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken) => throw RefusedException.Moved(run);

    public void PutOut(string address)
    {
    }

    /// <summary>Completes when nothing is written any more, be it that all of it was fenced.</summary>
    public Task EndedAsync()
    {
        lock (_shards) return Task.WhenAll(_shards.Values.Select(writing => writing.All));
    }

    private async Task WriteAsync(StreamId stream, CancellationToken stop)
    {
        var opened = await Store.Journal.OpenAsync(stream, default);
        for (var head = opened.Sequence; !stop.IsCancellationRequested; head++)
        {
            var text = $"{name} {stream} {head}";
            Row row = stream.Kind == StreamKind.Run ? A.Run(stream.RunId!) with { Generation = (int)head + 1 } : A.Step(stream.RunId!, stream.StepKey, total: (int)head + 1);
            var outcome = await Store.Journal.AppendAsync(A.Append(stream, opened, head, rows: [row], wake: new Wake(A.T0, head)) with { Events = [A.Entry(head + 1, new RunCancelRequested(text))] });
            ledger.Answer(stream, text, outcome);
            if (outcome == AppendOutcome.Fenced) return;
        }
    }
}
