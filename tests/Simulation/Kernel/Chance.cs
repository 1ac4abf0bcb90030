namespace Fanfare.Simulation.Kernel;

/// <summary>A seeded source of chance whose sequence never changes between versions of .NET. The mixing is SplitMix64's
/// (Steele, Lea, Flood 2014).</summary>
internal sealed class Chance(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15UL;
        return Mix(_state);
    }

    /// <summary>From 0 up to but without <paramref name="below"/>.</summary>
    public int Int(int below) => (int)(Next() % (ulong)below);

    public int Between(int from, int to) => from + Int(to - from + 1);

    public bool Roll(double probability) => (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public T Pick<T>(IReadOnlyList<T> items) => items[Int(items.Count)];

    /// <summary>Milliseconds, drawn evenly.</summary>
    public TimeSpan Span(double fromMs, double toMs) => TimeSpan.FromMicroseconds(Math.Round((fromMs + ((toMs - fromMs) * (Int(10_000) / 10_000.0))) * 1000));

    public Chance Fork() => new(Next());

    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>A hash of a text that is the same in every process.</summary>
    public static ulong Hash(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in text) hash = (hash ^ c) * 1099511628211UL;
        return Mix(hash);
    }
}
