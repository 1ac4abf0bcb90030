namespace Fanfare.Worker;

/// <summary>The rule for artifacts' names, which come from tasks and go into directories of others.</summary>
internal static class ArtifactName
{
    public const string Rule = "a name has at most 1024 characters, in segments of at most 255 bytes separated by '/', none of them empty, '.' or '..', and no control characters or '\\'";

    public static bool IsValid(string name)
    {
        if (name.Length is 0 or > 1024) return false;
        foreach (var segment in name.Split('/'))
            if (segment is "" or "." or ".." || System.Text.Encoding.UTF8.GetByteCount(segment) > 255 || segment.Any(c => char.IsControl(c) || c is '\\' or '\uFFFD'))
                return false;
        return true;
    }
}
