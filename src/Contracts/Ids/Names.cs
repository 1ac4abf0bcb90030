namespace Fanfare.Contracts;

/// <summary>The rule for names that people choose (namespaces, flows, steps, parameters, queues).</summary>
public static class Names
{
    /// <summary>The rule in words, for error messages.</summary>
    public const string Rule = "a name starts with a letter and has at most 64 letters, digits, '-' and '_'";

    public static bool IsValid(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > 64 || !char.IsAsciiLetter(name[0])) return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')) return false;
        return true;
    }
}
