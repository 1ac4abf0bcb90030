namespace Fanfare.Contracts;

/// <summary>The rule for names that people choose (namespaces, flows, steps, parameters, queues).</summary>
public static class Names
{
    /// <summary>The rule in words, for error messages.</summary>
    public const string Rule = "a name starts with a letter and has at most 64 letters, digits, '-' and '_'";

    /// <summary>The rule for names of events in words: they come from outside, and are not ours to choose.</summary>
    public const string EventRule = "the name of an event has 1 to 256 characters, none of them a control character, and no space at its ends";

    public static bool IsEvent(string name)
    {
        if (name.Length is 0 or > Limits.EventNameChars || char.IsWhiteSpace(name[0]) || char.IsWhiteSpace(name[^1])) return false;
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsControl(name[i])) return false;
            if (char.IsSurrogate(name[i]) && !(i + 1 < name.Length && char.IsSurrogatePair(name[i], name[i + 1]) && ++i > 0)) return false;
        }
        return true;
    }

    public static bool IsValid(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > 64 || !char.IsAsciiLetter(name[0])) return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')) return false;
        return true;
    }
}
