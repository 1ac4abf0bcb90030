using System.Globalization;
using System.Text;

namespace Fanfare.Storage.Blobs.S3;

/// <summary>A stretch of a growing blob, which is an object of its own and never changes.</summary>
/// <param name="Start">Its first byte's offset in the blob.</param>
/// <param name="End">One beyond its last byte's.</param>
/// <param name="Level">How often what is in it was put together from smaller stretches.</param>
internal readonly record struct Stretch(long Start, long End, int Level)
{
    public long Bytes => End - Start;

    /// <summary>Whether all of <paramref name="other"/> is in this one, and would be missed by nobody. Never true both ways: so two servers that tidy up at once leave one of the two.</summary>
    public bool Replaces(Stretch other) =>
        Start <= other.Start && End >= other.End && (Bytes > other.Bytes || Level > other.Level);
}

/// <summary>
/// The keys of blobs. A blob that was put whole has its name as key. Of one that grows, each stretch is an object, whose key is the name, "!-", and where it begins and ends: <c>log.jsonl!-0000000000000-0000000000123-0</c>.
/// So that no name looks like a stretch, blanks and exclamation marks of names stand as "!1" and "!2" in keys: characters that keep the order of names, in which a listing comes.
/// </summary>
internal sealed class S3Keys(string prefix)
{
    private const int KeyBytes = 1024, OffsetDigits = 13;

    private const string Mark = "!-";

    /// <summary>What every key begins with.</summary>
    public string Root { get; } = prefix.Length == 0 ? "" : prefix + "/";

    /// <exception cref="ArgumentException">The name breaks the rule, or is too long for a key.</exception>
    public string Of(string name)
    {
        BlobName.Check(name);
        var key = Root + Escape(name);
        var bytes = Encoding.UTF8.GetByteCount(key) + Mark.Length + (2 * OffsetDigits) + 3;
        return bytes <= KeyBytes
            ? key
            : throw new ArgumentException($"The blob name '{name[..Math.Min(60, name.Length)]}…' is too long for S3: its key would have {bytes} bytes, and may have {KeyBytes}.", nameof(name));
    }

    /// <summary>What the keys of the blobs in a folder begin with; "" is the folder of all.</summary>
    public string OfFolder(string folder) => folder.Length == 0 ? Root : Of(folder) + "/";

    /// <summary>What the keys of all stretches of a growing blob begin with.</summary>
    public static string OfStretches(string key) => key + Mark;

    public static string Of(string key, Stretch stretch) => string.Create(CultureInfo.InvariantCulture, $"{key}{Mark}{stretch.Start:d13}-{stretch.End:d13}-{stretch.Level}");

    /// <summary>The stretch that a key stands for, from what follows <see cref="OfStretches"/>; null when it stands for none.</summary>
    public static Stretch? StretchOf(ReadOnlySpan<char> rest)
    {
        Span<Range> parts = stackalloc Range[4];
        if (rest.Split(parts, '-') != 3 || rest[parts[0]].Length < OffsetDigits) return null;
        return long.TryParse(rest[parts[0]], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            && long.TryParse(rest[parts[1]], NumberStyles.None, CultureInfo.InvariantCulture, out var end)
            && int.TryParse(rest[parts[2]], NumberStyles.None, CultureInfo.InvariantCulture, out var level) && start < end
            ? new Stretch(start, end, level)
            : null;
    }

    /// <summary>The name of the blob that a key belongs to; null for what is no blob.</summary>
    public string? NameOf(string key)
    {
        var text = key.AsSpan(Root.Length);
        var mark = text.IndexOf(Mark);
        if (mark >= 0)
        {
            if (StretchOf(text[(mark + Mark.Length)..]) is null) return null;
            text = text[..mark];
        }
        var name = text.ToString().Replace("!1", " ", StringComparison.Ordinal).Replace("!2", "!", StringComparison.Ordinal);
        return BlobName.IsValid(name) && text.SequenceEqual(Escape(name)) ? name : null;
    }

    private static string Escape(string name) => name.Replace("!", "!2", StringComparison.Ordinal).Replace(" ", "!1", StringComparison.Ordinal);
}
