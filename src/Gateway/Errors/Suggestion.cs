using Fanfare.Core;

namespace Fanfare.Gateway;

/// <summary>The likely meaning of a misspelt word.</summary>
internal static class Suggestion
{
    /// <summary>"Did you mean 'x'?" for the nearest of <paramref name="known"/>, else the list of what is known.</summary>
    public static string For(string word, IReadOnlyCollection<string> known) =>
        known.Count == 0 ? "Leave it out."
        : NearestName.Of(word, known) is { } nearest ? $"Did you mean '{nearest}'?"
        : $"Known: {string.Join(", ", known)}.";
}
