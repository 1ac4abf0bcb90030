namespace Fanfare.Fuzz.Kernel;

/// <summary>The chance of one case: everything drawn in it comes from here, so the case can be repeated.</summary>
internal sealed class Draw(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The chance of a campaign's case: each has its own, so that one can be repeated without those before it.</summary>
    public static Draw Of(ulong seed, int index) => new((seed * 0x9E3779B97F4A7C15UL) ^ ((ulong)index * 0xD1B54A32D192ED03UL));

    // SplitMix64 (Steele, Lea, Flood 2014): the same draws whatever the runtime's Random becomes.
    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 up to but without <paramref name="end"/>.</summary>
    public int Below(int end) => (int)(Next() % (ulong)end);

    public int Between(int least, int most) => least + Below(most - least + 1);

    public bool OneIn(int n) => Below(n) == 0;

    public T Among<T>(IReadOnlyList<T> choices) => choices[Below(choices.Count)];

    public T Of<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    public void Shuffle<T>(IList<T> items)
    {
        for (var i = items.Count - 1; i > 0; i--)
        {
            var other = Below(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }
}
