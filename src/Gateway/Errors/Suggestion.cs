namespace Fanfare.Gateway;

/// <summary>The likely meaning of a misspelt word.</summary>
internal static class Suggestion
{
    /// <summary>"Did you mean 'x'?" for the nearest of <paramref name="known"/>, else the list of what is known.</summary>
    public static string For(string word, IReadOnlyCollection<string> known)
    {
        if (known.Count == 0) return "Leave it out.";
        var shortened = word.Length > 64 ? word[..64] : word;
        var nearest = known.MinBy(k => Distance(shortened, k))!;
        var distance = Distance(shortened, nearest);
        return distance < nearest.Length && distance <= Math.Max(2, nearest.Length / 3)
            ? $"Did you mean '{nearest}'?"
            : $"Known: {string.Join(", ", known)}.";
    }

    /// <summary>Edits (insert, delete, replace) from one word to the other, case aside.</summary>
    private static int Distance(string left, string right)
    {
        var previous = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var current = new int[right.Length + 1];
            current[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var replace = previous[j - 1] + (char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]) ? 0 : 1);
                current[j] = Math.Min(replace, Math.Min(previous[j], current[j - 1]) + 1);
            }
            previous = current;
        }
        return previous[right.Length];
    }
}
