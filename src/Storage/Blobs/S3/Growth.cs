namespace Fanfare.Storage.Blobs.S3;

/// <summary>A part of a stretch that is to be read: from <paramref name="From"/> on.</summary>
internal readonly record struct Piece(Stretch Stretch, long From)
{
    public long To => Stretch.End;

    public int Bytes => checked((int)(To - From));
}

/// <summary>
/// What is known of a growing blob: its stretches, and how they make up the whole. What two servers wrote at once may overlap: the same offset has the same byte in all of them, since it comes from one file of one worker.
/// </summary>
internal sealed class Growth
{
    public static readonly Growth None = new([]);

    private readonly List<Stretch> _all;

    public Growth(IEnumerable<Stretch> stretches)
    {
        _all = [.. stretches.OrderBy(s => s.Start).ThenByDescending(s => s.End).ThenByDescending(s => s.Level)];
        Pieces = Chain(_all);
    }

    /// <summary>Without gaps and overlaps, from the first byte on.</summary>
    public IReadOnlyList<Piece> Pieces { get; }

    public long Size => Pieces.Count == 0 ? 0 : Pieces[^1].To;

    public Growth With(Stretch stretch) => new(_all.Append(stretch));

    /// <summary>What is left when a stretch has taken the place of others, and those.</summary>
    public (Growth Left, IReadOnlyList<Stretch> Replaced) Folded(Stretch into)
    {
        var replaced = _all.Where(into.Replaces).ToList();
        return (new Growth(_all.Except(replaced).Append(into)), replaced);
    }

    /// <summary>The piece that has the byte at <paramref name="offset"/>; null beyond the end.</summary>
    public Piece? At(long offset)
    {
        var (low, high) = (0, Pieces.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Pieces[middle].To <= offset) low = middle + 1;
            else high = middle;
        }
        return low == Pieces.Count ? null : Pieces[low] with { From = offset };
    }

    private static List<Piece> Chain(List<Stretch> sorted)
    {
        var pieces = new List<Piece>();
        long at = 0;
        for (var next = 0; ;)
        {
            // Of those that have the next byte, the one that leads furthest.
            Stretch? best = null;
            for (; next < sorted.Count && sorted[next].Start <= at; next++)
                if (sorted[next].End > at && sorted[next].End > (best?.End ?? 0)) best = sorted[next];
            if (best is not { } found) return pieces;
            pieces.Add(new Piece(found, at));
            at = found.End;
        }
    }
}
