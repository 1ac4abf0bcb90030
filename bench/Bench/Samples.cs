namespace Fanfare.Bench;

/// <summary>What the rounds of one measurement gave, in their order.</summary>
internal sealed class Samples
{
    public List<double> Values { get; init; } = [];

    public double Median => Quantile(0.5);

    /// <summary>The value that a share of the rounds lies below, by nearest rank.</summary>
    public double Quantile(double share)
    {
        var sorted = Values.Order().ToList();
        return sorted.Count == 0 ? double.NaN : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
    }
}

/// <summary>Named measurements; the name ends with the unit.</summary>
internal sealed class Measured : SortedDictionary<string, Samples>
{
    public Measured()
        : base(StringComparer.Ordinal)
    {
    }

    public Samples Of(string name) => TryGetValue(name, out var samples) ? samples : this[name] = new Samples();

    public void Add(string name, double value) => Of(name).Values.Add(Math.Round(value, 4));

    /// <summary>Adds the rounds of others.</summary>
    public void Add(Measured others)
    {
        foreach (var (name, samples) in others) Of(name).Values.AddRange(samples.Values);
    }
}
