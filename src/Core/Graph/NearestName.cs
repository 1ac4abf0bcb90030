namespace Fanfare.Core;

/// <summary>Finds what somebody probably meant.</summary>
public static class NearestName
{
    private const int LongestCompared = 64;

    /// <summary>The candidate with the fewest edits from <paramref name="name"/>; null when none is near (a third of its length, at least one).</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        if (name.Length > LongestCompared) return null;
        string? nearest = null;
        var fewest = Math.Max(1, name.Length / 3) + 1;
        foreach (var candidate in candidates)
        {
            if (candidate.Length > LongestCompared || Math.Abs(candidate.Length - name.Length) >= fewest) continue;
            var distance = Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant());
            if (distance >= fewest) continue;
            fewest = distance;
            nearest = candidate;
        }
        return nearest;
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours between two texts.</summary>
    private static int Distance(string left, string right)
    {
        var rows = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++) rows[i, 0] = i;
        for (var j = 0; j <= right.Length; j++) rows[0, j] = j;
        for (var i = 1; i <= left.Length; i++)
            for (var j = 1; j <= right.Length; j++)
            {
                var replaced = rows[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replaced, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        return rows[left.Length, right.Length];
    }
}
