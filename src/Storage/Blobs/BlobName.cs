using System.Text;

namespace Fanfare.Storage.Blobs;

/// <summary>The rule for names of blobs, and the path of the file that holds one.</summary>
internal static class BlobName
{
    public const string Rule = "a blob's name is segments separated by '/', each 1 to 200 characters (255 bytes), not '.', '..' or '.incoming', without backslashes and control characters";

    /// <summary>Holds files that are being written; no blob has this in its name.</summary>
    public const string Incoming = ".incoming";

    /// <summary>The order of names that every store lists in: that of their bytes as UTF-8.</summary>
    public static readonly IComparer<string> Order = Comparer<string>.Create((a, b) => Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)));

    private const int SegmentChars = 200, SegmentBytes = 255, NameChars = 2000;

    /// <exception cref="ArgumentException">The name breaks the rule.</exception>
    public static string PathOf(string root, string name)
    {
        Check(name);
        return Path.Combine([root, .. name.Split('/')]);
    }

    /// <exception cref="ArgumentException">The name breaks the rule.</exception>
    public static void Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length > NameChars) throw new ArgumentException($"The blob name of {name.Length} characters is too long: at most {NameChars}.", nameof(name));
        foreach (var segment in name.Split('/'))
            if (!IsSegment(segment)) throw new ArgumentException($"'{name}' is no name for a blob, because of its segment '{segment}': {Rule}.", nameof(name));
    }

    /// <summary>Whether a blob may have the name.</summary>
    public static bool IsValid(string name) => name.Length <= NameChars && name.Split('/').All(IsSegment);

    private static bool IsSegment(string segment)
    {
        if (segment.Length is 0 or > SegmentChars || segment is "." or ".." or Incoming) return false;
        foreach (var c in segment)
            if (c == '\\' || char.IsControl(c)) return false;
        // A lone surrogate has no UTF-8 form: two such names would share one file.
        for (var i = 0; i < segment.Length; i++)
        {
            if (!char.IsSurrogate(segment[i])) continue;
            if (i + 1 == segment.Length || !char.IsSurrogatePair(segment[i], segment[i + 1])) return false;
            i++;
        }
        return Encoding.UTF8.GetByteCount(segment) <= SegmentBytes;
    }
}
