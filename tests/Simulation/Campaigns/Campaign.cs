using System.Diagnostics;
using System.Globalization;

namespace Fanfare.Simulation.Campaigns;

/// <summary>When a campaign is over. It ends at the first of these.</summary>
internal sealed record CampaignBounds
{
    public ulong From { get; init; } = 1;

    /// <summary>So many seeds at the most.</summary>
    public long Seeds { get; init; } = long.MaxValue;

    /// <summary>So much real time at the most; the lives that are under way are lived to their end.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.MaxValue;

    /// <summary>So many seeds one after another that brought no new pair of state and command; null to go on all the same.</summary>
    public long? Plateau { get; init; }

    /// <summary>So many seeds at the least, whatever the plateau.</summary>
    public long AtLeast { get; init; }

    /// <summary>So many failing seeds.</summary>
    public int Failures { get; init; } = 3;

    public int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>Lives of many seeds, on several threads, each life on one.</summary>
internal sealed class Campaign(CampaignBounds bounds, Action<string> say)
{
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Stopwatch _watch = new();
    private readonly HashSet<string> _pairs = [];
    private readonly SortedDictionary<string, long> _faults = new(StringComparer.Ordinal);
    private long _next;
    private long _lived;
    private long _sinceNewPair;
    private long _runs;
    private long _attempts;
    private long _events;
    private TimeSpan _virtual;
    private TimeSpan _saidAt;

    public List<Life> Failed { get; } = [];

    public long Lived => _lived;

    public IReadOnlyCollection<string> Pairs => _pairs;

    /// <summary>One line of what came of it.</summary>
    public string Summary => string.Create(CultureInfo.InvariantCulture,
        $"{_lived} seeds, {Failed.Count} failed; {_runs} runs, {_attempts} attempts, {_events} events, {_faults.Values.Sum()} faults; {_pairs.Count} pairs of state and command, the last new one {_sinceNewPair} seeds ago; {_virtual.TotalHours:0.0} h lived in {_watch.Elapsed.TotalSeconds:0} s, {_virtual / (_watch.Elapsed + TimeSpan.FromMilliseconds(1)):0} times as fast");

    /// <summary>How many faults of each kind struck.</summary>
    public string Faults => string.Join(", ", _faults.Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Key} {f.Value}")));

    public void Run()
    {
        _watch.Start();
        var threads = Enumerable.Range(0, bounds.Threads).Select(_ => new Thread(LiveOn, 16 << 20)).ToList();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        _watch.Stop();
    }

    private void LiveOn()
    {
        while (Draw() is { } seed)
        {
            var life = Life.Of(seed);
            lock (_lock) Enter(life);
        }
    }

    private ulong? Draw()
    {
        lock (_lock)
        {
            var over = _next >= bounds.Seeds || _watch.Elapsed >= bounds.Time || Failed.Count >= bounds.Failures
                || (bounds.Plateau is { } plateau && _sinceNewPair >= plateau && _lived >= bounds.AtLeast);
            return over ? null : bounds.From + (ulong)_next++;
        }
    }

    private void Enter(Life life)
    {
        _lived++;
        _runs += life.Runs;
        _attempts += life.Attempts;
        _events += life.Events;
        _virtual += life.VirtualTime;
        foreach (var (kind, count) in life.FaultKinds) _faults[kind] = _faults.GetValueOrDefault(kind) + count;
        var known = _pairs.Count;
        _pairs.UnionWith(life.Coverage.Pairs);
        _sinceNewPair = _pairs.Count > known ? 0 : _sinceNewPair + 1;
        if (life.Violations.Count > 0)
        {
            Failed.Add(life);
            say($"seed {life.Plan.Seed} breaks an invariant: {life.Violations[0].What}");
        }
        if (_watch.Elapsed - _saidAt < SayEvery) return;
        _saidAt = _watch.Elapsed;
        say(Summary);
    }
}
