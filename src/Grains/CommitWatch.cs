using Fanfare.Contracts;

namespace Fanfare.Grains;

/// <summary>Tells other nodes that something of a run was committed here. A run is remembered for a while after it was asked for, so that nothing is missed between two calls.</summary>
internal sealed class CommitWatch : IDisposable
{
    /// <summary>Longest that a call waits, so that one whose caller is gone ends.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(20), _keep = TimeSpan.FromMinutes(1);

    private readonly IJournal _journal;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Namespace, string Run), Watched> _watched = [];
    private long _sweptAt;

    public CommitWatch(IJournal journal, TimeProvider clock)
    {
        (_journal, _clock, _sweptAt) = (journal, clock, clock.GetTimestamp());
        journal.Committed += Hear;
    }

    public void Dispose()
    {
        _journal.Committed -= Hear;
        lock (_lock)
        {
            foreach (var watched in _watched.Values) watched.News.TrySetResult();
            _watched.Clear();
        }
    }

    /// <summary>Returns when there was a commit that ended above <paramref name="after"/>, with where; or after a while with what it was called with.</summary>
    public async Task<long> WaitAsync(StreamId run, long after, CancellationToken cancellationToken)
    {
        Watched watched;
        Task news;
        lock (_lock)
        {
            Sweep();
            if (!_watched.TryGetValue((run.Namespace, run.Name), out var known))
                // What was committed before is not known: the caller is to look.
                _watched[(run.Namespace, run.Name)] = known = new Watched { Last = after + 1 };
            watched = known;
            watched.AskedAt = _clock.GetTimestamp();
            if (watched.Last > after) return watched.Last;
            news = watched.News.Task;
        }
        await news.WaitAsync(_longest, _clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock) return Math.Max(watched.Last, after);
    }

    private void Hear(long position, IReadOnlyCollection<(string Namespace, string Run)> runs)
    {
        lock (_lock)
        {
            if (_watched.Count == 0) return;
            foreach (var run in runs)
            {
                if (!_watched.TryGetValue(run, out var watched)) continue;
                watched.Last = Math.Max(position, watched.Last + 1);
                watched.News.TrySetResult();
                watched.News = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    private void Sweep()
    {
        if (_clock.GetElapsedTime(_sweptAt) < _keep) return;
        _sweptAt = _clock.GetTimestamp();
        foreach (var run in _watched.Where(each => _clock.GetElapsedTime(each.Value.AskedAt) >= _keep).Select(each => each.Key).ToList()) _watched.Remove(run);
    }

    private sealed class Watched
    {
        public long Last { get; set; }

        public long AskedAt { get; set; }

        public TaskCompletionSource News { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
