using Fanfare.Contracts;

namespace Fanfare.Storage.Postgres.Read;

/// <summary>Walks over a set of splits in portions, each of which one query can answer: a single range of any width, or several that hold few splits together.</summary>
internal sealed class OutputRanges(SplitRanges splits)
{
    private int _range;
    private int _from;

    public int[] Starts { get; private set; } = [];

    public int[] Ends { get; private set; } = [];

    /// <summary>The next portion; false at the end.</summary>
    public bool Next(int mostSplits)
    {
        List<int> starts = [], ends = [];
        for (var taken = 0L; _range < splits.Ranges.Length; _range++)
        {
            var (start, end) = splits.Ranges[_range];
            start = Math.Max(start, _from);
            if (start >= end) continue;
            taken += end - start;
            if (starts.Count > 0 && taken > mostSplits) break;
            starts.Add(start);
            ends.Add(end);
        }
        (Starts, Ends) = ([.. starts], [.. ends]);
        return starts.Count > 0;
    }

    /// <summary>The present portion was answered only up to a split: the next one begins behind it.</summary>
    public void GoOnAfter(int split)
    {
        _from = split + 1;
        while (_range > 0 && (_range == splits.Ranges.Length || splits.Ranges[_range].Start > split)) _range--;
    }
}
