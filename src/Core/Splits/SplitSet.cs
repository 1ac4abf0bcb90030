using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A mutable, ordered set of split indexes held as ranges, so that a million consecutive splits take one entry.</summary>
public sealed class SplitSet
{
    private readonly List<(int Start, int End)> _ranges = [];

    public int Count { get; private set; }

    public bool IsEmpty => Count == 0;

    /// <summary>Ranges held, each 8 bytes: what the set costs.</summary>
    public int Fragments => _ranges.Count;

    public bool Contains(int split)
    {
        var index = IndexAtOrBefore(split);
        return index >= 0 && split < _ranges[index].End;
    }

    /// <summary>How many are smaller than this.</summary>
    public int CountBelow(int split)
    {
        var count = 0;
        foreach (var (start, end) in _ranges)
        {
            if (start >= split) break;
            count += Math.Min(end, split) - start;
        }
        return count;
    }

    /// <summary>Adds one split; false when it was there.</summary>
    public bool Add(int split)
    {
        var index = IndexAtOrBefore(split);
        if (index >= 0 && split < _ranges[index].End) return false;
        var joinsLeft = index >= 0 && _ranges[index].End == split;
        var joinsRight = index + 1 < _ranges.Count && _ranges[index + 1].Start == split + 1;
        if (joinsLeft && joinsRight)
        {
            _ranges[index] = (_ranges[index].Start, _ranges[index + 1].End);
            _ranges.RemoveAt(index + 1);
        }
        else if (joinsLeft)
        {
            _ranges[index] = (_ranges[index].Start, split + 1);
        }
        else if (joinsRight)
        {
            _ranges[index + 1] = (split, _ranges[index + 1].End);
        }
        else
        {
            _ranges.Insert(index + 1, (split, split + 1));
        }
        Count++;
        return true;
    }

    /// <summary>Adds the splits from start up to but without end; those that are there already are no error.</summary>
    public void AddRange(int start, int end)
    {
        if (end <= start) return;
        if (_ranges.Count == 0 || _ranges[^1].End < start)
        {
            _ranges.Add((start, end));
            Count += end - start;
            return;
        }
        if (end - start == 1)
        {
            Add(start);
            return;
        }
        var first = IndexAtOrBefore(start);
        if (first < 0 || _ranges[first].End < start) first++;
        var last = first;
        var (newStart, newEnd) = (start, end);
        while (last < _ranges.Count && _ranges[last].Start <= end)
        {
            newStart = Math.Min(newStart, _ranges[last].Start);
            newEnd = Math.Max(newEnd, _ranges[last].End);
            Count -= _ranges[last].End - _ranges[last].Start;
            last++;
        }
        _ranges.RemoveRange(first, last - first);
        _ranges.Insert(first, (newStart, newEnd));
        Count += newEnd - newStart;
    }

    public void AddAll(SplitRanges splits)
    {
        foreach (var (start, end) in splits.Ranges) AddRange(start, end);
    }

    public void AddAll(SplitSet splits)
    {
        foreach (var (start, end) in splits._ranges) AddRange(start, end);
    }

    /// <summary>Removes one split; false when it was not there.</summary>
    public bool Remove(int split)
    {
        var index = IndexAtOrBefore(split);
        if (index < 0 || split >= _ranges[index].End) return false;
        var (start, end) = _ranges[index];
        if (end - start == 1)
        {
            _ranges.RemoveAt(index);
        }
        else if (split == start)
        {
            _ranges[index] = (start + 1, end);
        }
        else if (split == end - 1)
        {
            _ranges[index] = (start, end - 1);
        }
        else
        {
            _ranges[index] = (start, split);
            _ranges.Insert(index + 1, (split + 1, end));
        }
        Count--;
        return true;
    }

    public void Clear()
    {
        _ranges.Clear();
        Count = 0;
    }

    /// <summary>The lowest split; the set must not be empty.</summary>
    public int First => _ranges[0].Start;

    public SplitRanges ToRanges() => SplitRanges.FromRanges(_ranges);

    /// <summary>All splits, ascending. The set must not change meanwhile.</summary>
    public IEnumerable<int> Splits()
    {
        foreach (var (start, end) in _ranges)
            for (var split = start; split < end; split++)
                yield return split;
    }

    // Index of the range with the greatest start at or before the split; -1 for none.
    private int IndexAtOrBefore(int split)
    {
        int low = 0, high = _ranges.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) >> 1;
            if (_ranges[middle].Start <= split) low = middle + 1;
            else high = middle - 1;
        }
        return high;
    }
}
