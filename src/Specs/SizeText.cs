using Fanfare.Specs.Reading;

namespace Fanfare.Specs;

/// <summary>Amounts of memory as people write them, in specs as on the command line.</summary>
public static class SizeText
{
    public const string Rule = "a number with a unit, as in 512MiB, 8GiB, 1.5GB";

    /// <summary>Reads <c>512MiB</c>, <c>1.5 GB</c>, and <c>1024</c> for bytes; at most 1024 TiB.</summary>
    public static bool TryRead(string text, out long bytes) => Units.TryBytes(text, out bytes);
}
