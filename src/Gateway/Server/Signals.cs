using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;

namespace Fanfare.Gateway;

/// <summary>What can be listened to: commits of a run, or new lines of one attempt's log.</summary>
internal readonly record struct Topic(string Kind, string Name)
{
    public static Topic Run(string ns, string run) => new("run", $"{ns}/{run}");

    public static Topic Log(string blob) => new("log", blob);

    public bool IsRun(out string ns, out string run)
    {
        var slash = Kind == "run" ? Name.IndexOf('/', StringComparison.Ordinal) : -1;
        (ns, run) = slash < 0 ? ("", "") : (Name[..slash], Name[(slash + 1)..]);
        return slash >= 0;
    }
}

/// <summary>Wakes streams when the journal commits or a log grows. A signal carries nothing and does not pile up: who is woken
/// reads what is there, so a slow reader costs no memory.</summary>
internal sealed class Signals : IDisposable
{
    private readonly ConcurrentDictionary<Topic, ImmutableArray<Subscription>> _subscriptions = new();
    private readonly IJournal _journal;
    private readonly IRunWatch? _elsewhere;
    private readonly TimeProvider _clock;

    /// <param name="elsewhere">Has commits of other nodes be told here; null where there are none.</param>
    public Signals(IJournal journal, TimeProvider clock, IRunWatch? elsewhere = null)
    {
        (_journal, _clock, _elsewhere) = (journal, clock, elsewhere);
        journal.Committed += OnCommitted;
    }

    public void Dispose() => _journal.Committed -= OnCommitted;

    public Subscription Subscribe(params ReadOnlySpan<Topic> topics)
    {
        var subscription = new Subscription(this, topics.ToArray());
        foreach (var topic in topics)
            _subscriptions.AddOrUpdate(topic, [subscription], (_, others) => others.Add(subscription));
        if (_elsewhere is not null)
            foreach (var topic in topics)
                if (topic.IsRun(out var ns, out var run)) subscription.Holds(_elsewhere.Watch(ns, run));
        return subscription;
    }

    public void Raise(Topic topic)
    {
        if (!_subscriptions.TryGetValue(topic, out var subscriptions)) return;
        foreach (var subscription in subscriptions) subscription.Wake();
    }

    private void OnCommitted(long position, IReadOnlyCollection<(string Namespace, string Run)> runs)
    {
        if (_subscriptions.IsEmpty) return;
        foreach (var (ns, run) in runs) Raise(Topic.Run(ns, run));
    }

    private void Remove(Subscription subscription, Topic[] topics)
    {
        foreach (var topic in topics)
        {
            while (_subscriptions.TryGetValue(topic, out var current))
            {
                var rest = current.Remove(subscription);
                if (rest.IsEmpty ? _subscriptions.TryRemove(new(topic, current)) : _subscriptions.TryUpdate(topic, rest, current)) break;
            }
        }
    }

    internal sealed class Subscription(Signals signals, Topic[] topics) : IDisposable
    {
        private readonly List<IDisposable> _held = [];
        private readonly Channel<bool> _woken = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

        public void Wake() => _woken.Writer.TryWrite(true);

        /// <summary>True when something was signalled since the last wait; false after <paramref name="longest"/>.</summary>
        public async Task<bool> WaitAsync(TimeSpan longest, CancellationToken cancellationToken)
        {
            using var timeout = new CancellationTokenSource(longest, signals._clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            try
            {
                return await _woken.Reader.ReadAsync(either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return false;
            }
        }

        /// <summary>Is disposed of with this.</summary>
        public void Holds(IDisposable held) => _held.Add(held);

        public void Dispose()
        {
            signals.Remove(this, topics);
            foreach (var held in _held) held.Dispose();
        }
    }
}
