using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Cluster;

/// <summary>How hard one life is made, and until when. Each fault that comes to pass is a <see cref="Strike"/> with a name of its own, and each site that
/// faults strike has its own chance; so a life can be lived again with only some of its strikes, which is how a failure is shrunk.</summary>
internal sealed class Faults
{
    private readonly VirtualLoop _loop;
    private readonly ulong _seed;
    private readonly IReadOnlySet<string>? _only;
    private readonly Dictionary<string, Chance> _sites = [];
    private readonly Dictionary<string, int> _counts = [];

    /// <param name="only">The strikes that come to pass; null for all.</param>
    public Faults(VirtualLoop loop, ulong seed, bool calm, IReadOnlySet<string>? only)
    {
        (_loop, _seed, _only) = (loop, seed, only);
        var chance = new Chance(seed);
        EndsAt = loop.Now + (calm ? TimeSpan.Zero : chance.Span(20_000, 180_000));
        Pace = chance.Int(6) switch
        {
            0 => new JournalPace(0.02, 500, 3_000),
            1 => new JournalPace(0.005, 500, 20_000),
            // Busy all the time, so that entities decide much in one batch.
            2 => new JournalPace(0.4, 20, 400),
            // It stands still for as long as a short lease lasts.
            3 => new JournalPace(0.03, 5_000, 25_000),
            _ => JournalPace.Calm,
        };
        AppendFailureShare = chance.Int(3) == 0 ? 0.015 : 0;
        LossShare = chance.Int(3) switch { 0 => 0, 1 => 0.02, _ => 0.12 };
        LateShare = chance.Int(2) == 0 ? 0 : 0.03;
        LeaseTerm = chance.Pick([TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(300)]);
        LeaseMargin = TimeSpan.FromSeconds(chance.Between(1, 5));
        IdleAfter = chance.Pick([TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60)]);
        WorkerTroubleEvery = chance.Pick([TimeSpan.Zero, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60)]);
        ClocksAreSet = chance.Int(3) == 0;
        // The margin of a lease allows for it: 0.1 % of the longest term is 0.6 s for both ends.
        ClockDrift = chance.Int(2) == 0 ? 0 : 0.001;
        (MessageFaultShare, ApartShare) = chance.Int(8) switch
        {
            // Messages that outlive the generation of the run that sent them, and the one after it.
            0 => (0.2, 1),
            < 3 => (0.05, chance.Pick([0.5, 1])),
            < 5 => (0.01, chance.Pick([0.5, 1])),
            _ => (0, chance.Pick([0, 0.5, 1])),
        };
        (OpenFailureShare, SlowOpenShare) = chance.Int(3) switch { 0 => (0.03, 0.03), 1 => (0, 0.1), _ => (0, 0) };
        HeavyAppend = chance.Pick([1, 2, 6, 100]);
        LateAnswerShare = chance.Int(3) == 0 ? 0.05 : 0;
        MostAtRest = chance.Pick([1, 4, 1000]);
    }

    public DateTimeOffset EndsAt { get; }

    public bool Active => _loop.Now < EndsAt;

    public JournalPace Pace { get; }

    /// <summary>Share of appends that end with an error, half of them after they became durable.</summary>
    public double AppendFailureShare { get; }

    /// <summary>Share of appends whose outcome is told late, while others overtake it.</summary>
    public double LateAnswerShare { get; }

    /// <summary>Entities that are kept in memory though they have nothing to do.</summary>
    public int MostAtRest { get; }

    /// <summary>Events from which on an append leaves while the one before it is under way.</summary>
    public int HeavyAppend { get; }

    /// <summary>Share of deliveries between entities that are lost, late, doubled, or whose receipt is lost; of each as many.</summary>
    public double MessageFaultShare { get; }

    /// <summary>Messages are late so often that operators who retry a run the moment it ends overtake them again and again.</summary>
    public bool MessagesLag => MessageFaultShare > 0.1;

    /// <summary>Share of messages between entities that are delivered apart from the append that makes them durable.</summary>
    public double ApartShare { get; }

    /// <summary>Share of reads of a stream that end with an error.</summary>
    public double OpenFailureShare { get; }

    /// <summary>Share of reads of a stream that take long, while others overtake them.</summary>
    public double SlowOpenShare { get; }

    public double LossShare { get; }

    public double LateShare { get; }

    public TimeSpan LeaseTerm { get; }

    public TimeSpan LeaseMargin { get; }

    public TimeSpan IdleAfter { get; }

    /// <summary>Mean time between troubles of one worker; zero for none.</summary>
    public TimeSpan WorkerTroubleEvery { get; }

    public bool ClocksAreSet { get; }

    /// <summary>How far a process's monotonic clock may be off, as a share.</summary>
    public double ClockDrift { get; }

    /// <summary>All that struck, in order.</summary>
    public List<string> Struck { get; } = [];

    /// <summary>How many faults of each kind struck.</summary>
    public Dictionary<string, int> Kinds { get; } = [];

    /// <summary>Whether a fault strikes here and now; null when not. Its details are drawn from the strike's own chance.</summary>
    /// <param name="kind">What it is, for the figures.</param>
    /// <param name="site">Where it strikes.</param>
    public Strike? At(string kind, string site, double probability = 1)
    {
        if (!Active || probability <= 0) return null;
        var place = $"{kind} {site}";
        if (!_sites.TryGetValue(place, out var chance)) _sites[place] = chance = new Chance(Chance.Hash($"{_seed} {place}"));
        if (!chance.Roll(probability)) return null;
        var name = FormattableString.Invariant($"{place} #{_counts[place] = _counts.GetValueOrDefault(place) + 1}");
        if (_only is not null && !_only.Contains(name)) return null;
        Struck.Add(name);
        Kinds[kind] = Kinds.GetValueOrDefault(kind) + 1;
        return new Strike(name, new Chance(Chance.Hash($"{_seed} {name}")));
    }

    /// <summary>A process's monotonic rate.</summary>
    public double RateOf(string process) =>
        ClockDrift == 0 ? 1 : 1 + (ClockDrift * ((new Chance(Chance.Hash($"{_seed} rate {process}")).Int(2001) - 1000) / 1000.0));
}

/// <summary>One fault that comes to pass.</summary>
internal sealed record Strike(string Name, Chance Chance);
