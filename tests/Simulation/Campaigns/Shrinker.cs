using System.Diagnostics;

namespace Fanfare.Simulation.Campaigns;

/// <summary>Looks for a smaller life that breaks an invariant too: with fewer flows, and with fewer faults. Chunks of faults are left out, then smaller
/// chunks, down to single ones (after Zeller and Hildebrandt's delta debugging, 2002).</summary>
internal sealed class Shrinker(TimeSpan patience)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    public int Tried { get; private set; }

    public Life Shrink(Life failed)
    {
        var smallest = failed;
        int before;
        do
        {
            before = Size(smallest);
            smallest = WithFewer(smallest, l => l.Flows, (plan, flows) => plan with { OnlyFlows = flows.ToHashSet() });
            smallest = WithFewer(smallest, l => l.Struck, (plan, strikes) => plan with { OnlyStrikes = strikes.ToHashSet() });
        }
        while (Size(smallest) < before && _watch.Elapsed < patience);
        return smallest;
    }

    private Life WithFewer(Life smallest, Func<Life, IReadOnlyList<string>> parts, Func<LifePlan, IEnumerable<string>, LifePlan> only)
    {
        for (var size = Math.Max(1, parts(smallest).Count / 2); ; size /= 2)
        {
            for (var at = 0; at < parts(smallest).Count && _watch.Elapsed < patience;)
            {
                var (start, length) = (at, size);
                Tried++;
                var smaller = Life.Of(only(smallest.Plan, parts(smallest).Where((_, i) => i < start || i >= start + length)));
                // Other faults may strike in the other course of things, so it can even be larger.
                if (smaller.Violations.Count > 0 && parts(smaller).Count < parts(smallest).Count) smallest = smaller;
                else at += size;
            }
            if (size == 1) return smallest;
        }
    }

    private static int Size(Life life) => life.Flows.Count + life.Struck.Count;
}
