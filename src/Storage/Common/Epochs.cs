namespace Fanfare.Storage.Common;

/// <summary>An epoch is the server's term, raised durably at its start, and below it the count of openings in that server.
/// So epochs grow across restarts and also tell two openings by one server apart.</summary>
internal static class Epochs
{
    /// <summary>Epoch of a stream that takes nothing any more, since its run is closed or archived.</summary>
    public const long Retired = long.MaxValue;

    private const int OpeningBits = 40;

    public static long Of(long term, long opening) => (term << OpeningBits) | opening;

    public static long TermOf(long epoch) => epoch >> OpeningBits;
}
