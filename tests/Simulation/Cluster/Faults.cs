using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Cluster;

/// <summary>How hard one simulation is made, and until when.</summary>
internal sealed class Faults
{
    private readonly VirtualLoop _loop;

    public Faults(VirtualLoop loop, Chance chance)
    {
        _loop = loop;
        EndsAt = loop.Now + chance.Span(20_000, 180_000);
        Pace = chance.Int(4) switch
        {
            0 => new JournalPace(0.02, 3_000),
            1 => new JournalPace(0.005, 20_000),
            _ => JournalPace.Calm,
        };
        LossShare = chance.Int(3) switch { 0 => 0, 1 => 0.02, _ => 0.12 };
        LateShare = chance.Int(2) == 0 ? 0 : 0.03;
        LeaseTerm = chance.Pick([TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(300)]);
        LeaseMargin = TimeSpan.FromSeconds(chance.Between(1, 5));
        IdleAfter = chance.Pick([TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60)]);
        WorkerCrashEvery = chance.Pick([TimeSpan.Zero, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60)]);
    }

    public DateTimeOffset EndsAt { get; }

    public bool Active => _loop.Now < EndsAt;

    public JournalPace Pace { get; }

    public double LossShare { get; }

    public double LateShare { get; }

    public TimeSpan LeaseTerm { get; }

    public TimeSpan LeaseMargin { get; }

    public TimeSpan IdleAfter { get; }

    /// <summary>Mean time between troubles of one worker; zero for none.</summary>
    public TimeSpan WorkerCrashEvery { get; }

    public bool Loses(Chance chance) => Active && chance.Roll(LossShare);

    public TimeSpan Latency(Chance chance) => Active && chance.Roll(LateShare) ? chance.Span(100, 6_000) : chance.Span(0.2, 10);
}
