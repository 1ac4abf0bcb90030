using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>Appends to the streams of many runs: one after another in each stream, of the first step of each run large ones, of which the next is sent before the one before is answered; all streams side by side, until told to stop. Every event is of its own, so that
/// afterwards each can be looked for.</summary>
internal sealed class Traffic
{
    private const int StepsOfARun = 3;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly Dictionary<StreamId, List<string>> _committed = [];
    private readonly HashSet<string> _fenced = [];
    private readonly List<(int Answers, TaskCompletionSource Reached)> _waiting = [];
    private readonly string _name;
    private readonly IStore _store;
    private readonly Task _all;
    private volatile bool _stopped;
    private int _answers;

    /// <param name="name">Of this traffic; part of its events.</param>
    /// <param name="runs">How many runs it has, each with three steps. The runs of two traffics are the same.</param>
    public Traffic(IStore store, string name, int runs)
    {
        (_store, _name) = (store, name);
        var streams = Enumerable.Range(0, runs).SelectMany(r => Enumerable.Range(0, StepsOfARun).Select(s => StreamId.Step(A.Ns, $"r{r}", A.Key($"s{s}"))).Append(StreamId.Run(A.Ns, $"r{r}")));
        _all = Task.WhenAll(streams.Select(stream => Task.Run(() => RunAsync(stream))));
    }

    /// <summary>How many streams ended with <see cref="AppendOutcome.Fenced"/>.</summary>
    public int Fenced { get; private set; }

    /// <summary>Waits for so many answers from now on; fails when an append does.</summary>
    public async Task AnsweredAsync(int more)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock) _waiting.Add((_answers + more, reached));
        await (await Task.WhenAny(reached.Task, _all)).WaitAsync(_patience);
        Assert.True(reached.Task.IsCompleted, $"All streams of {_name} ended before {more} further answers came.");
    }

    /// <summary>Waits for the answers to what was sent.</summary>
    public async Task StopAsync()
    {
        _stopped = true;
        await EndedAsync();
    }

    /// <summary>Waits until every stream ended, be it that it was fenced.</summary>
    public Task EndedAsync() => _all.WaitAsync(_patience);

    /// <summary>Asserts that the database has what was answered <see cref="AppendOutcome.Committed"/>, once and in order, nothing of what was answered
    /// <see cref="AppendOutcome.Fenced"/>, and nothing else: no stream has a gap, no position is given twice, and the read model is of the last append.</summary>
    public static async Task CheckAsync(PrivatePostgres server, string database, IStore store, params Traffic[] traffics)
    {
        foreach (var stream in traffics.SelectMany(t => t._committed.Keys).Distinct())
        {
            // Opening it checks that its events are 1 to n.
            var opened = await store.Journal.OpenAsync(stream, default).WaitAsync(_patience);
            var found = opened.Events.Select(e => ((RunCancelRequested)e.Event).Reason).ToList();
            // A traffic that took over went on where the one before ended.
            Assert.Equal(traffics.SelectMany(t => t._committed.GetValueOrDefault(stream) ?? []), found);
            Assert.DoesNotContain(found, text => traffics.Any(t => t._fenced.Contains(text!)));
            if (found.Count == 0) continue;
            var total = stream.Kind == StreamKind.Run
                ? (await store.ReadModel.GetRunAsync(A.Ns, stream.RunId!, default))!.Generation
                : (await store.ReadModel.GetStepAsync(A.Ns, stream.RunId!, stream.StepKey, default))!.Total;
            Assert.Equal(found.Count, total);
        }
        async Task NoneAsync(string what) => Assert.Equal(0, await server.ScalarAsync<long>($"SELECT count(*) FROM {what}", database));
        await NoneAsync("(SELECT FROM (SELECT generate_series(position - events + 1, position) AS p FROM events) each GROUP BY p HAVING count(*) > 1) twice");
        await NoneAsync("streams s WHERE s.seq <> (SELECT coalesce(sum(e.events), 0) FROM events e WHERE e.stream_id = s.id)");
        await NoneAsync("events e WHERE NOT EXISTS (SELECT FROM streams s WHERE s.id = e.stream_id AND s.run_id = e.run_id)");
        await NoneAsync("streams s JOIN streams r ON r.name = regexp_replace(s.name, '/step/([^/]*)/.*', '/run/\\1') WHERE r.id <> s.run_id");
    }

    private async Task RunAsync(StreamId stream)
    {
        var opened = await _store.Journal.OpenAsync(stream, default);
        var head = opened.Sequence;
        var isLarge = stream.Kind == StreamKind.Step && stream.StepKey == A.Key("s0");
        var sent = new Queue<(List<string> Texts, Task<AppendOutcome> Outcome)>();
        while (!_stopped || sent.Count > 0)
        {
            if (sent.Count > (isLarge && !_stopped ? 1 : 0))
            {
                var (texts, outcome) = sent.Dequeue();
                Answer(stream, texts, await outcome);
                if (outcome.Result == AppendOutcome.Committed) continue;
                lock (_lock) Fenced++;
                while (sent.TryDequeue(out var after))
                {
                    Assert.Equal(AppendOutcome.Fenced, await after.Outcome);
                    Answer(stream, after.Texts, AppendOutcome.Fenced);
                }
                return;
            }
            Send();
        }

        void Send()
        {
            // A few events, or so many that they are begun behind the append before.
            var count = (isLarge ? 120 : 1) + (int)(head % 3);
            var texts = Enumerable.Range(0, count).Select(i => $"{_name} {stream} {head + i}").ToList();
            Row row = stream.Kind == StreamKind.Run
                ? A.Run(stream.RunId!) with { Generation = (int)head + count }
                : A.Step(stream.RunId!, stream.StepKey, total: (int)head + count);
            sent.Enqueue((texts, _store.Journal.AppendAsync(A.Append(stream, opened, head, rows: [row], wake: new Wake(A.T0, head))
                with
            { Events = [.. texts.Select((text, i) => A.Entry(head + 1 + i, new RunCancelRequested(text)))] })));
            head += count;
        }
    }

    private void Answer(StreamId stream, List<string> texts, AppendOutcome outcome)
    {
        lock (_lock)
        {
            if (outcome == AppendOutcome.Fenced)
            {
                _fenced.UnionWith(texts);
            }
            else if (_committed.TryGetValue(stream, out var before)) before.AddRange(texts);
            else _committed.Add(stream, texts);
            _answers++;
            foreach (var (answers, reached) in _waiting)
                if (_answers >= answers) reached.TrySetResult();
            _waiting.RemoveAll(w => w.Reached.Task.IsCompleted);
        }
    }
}
