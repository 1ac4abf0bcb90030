using System.Buffers.Binary;

namespace Fanfare.Storage.Sqlite;

/// <summary>Tells a torn tail of the write-ahead log from a damaged middle. SQLite reads the log up to the first frame whose checksum is wrong, and
/// drops what follows without a word. That is right for the transaction that a crash cut off: nobody was told of it. But each transaction
/// is flushed before the next one begins; so where a whole transaction and the beginning of another follow the bad frame, an acknowledged one
/// would be dropped, and the server must not start as if nothing had been.</summary>
internal static class LogCheck
{
    private const int HeaderBytes = 32, FrameHeaderBytes = 24;
    private const uint MagicLittle = 0x377f0682, MagicBig = 0x377f0683;

    /// <summary>What is wrong with the log; null when all that was acknowledged can be read from it.</summary>
    /// <exception cref="IOException">The log cannot be read.</exception>
    public static string? Finding(string path)
    {
        if (!File.Exists(path)) return null;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1024 * 1024);
        var header = new byte[HeaderBytes];
        // Shorter than a header and one frame: nothing was ever committed to it.
        if (file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes || file.Length < HeaderBytes + FrameHeaderBytes + 512) return null;
        // Made, but not yet written when the crash came.
        if (!header.AsSpan().ContainsAnyExcept((byte)0)) return null;
        // The header is one write within one sector, flushed before the frames: it is never torn.
        var sum = new Checksum(Word(header, 0) == MagicBig);
        sum.Add(header.AsSpan(0, 24));
        var pageBytes = (int)Word(header, 8);
        if (Word(header, 0) is not (MagicLittle or MagicBig) || !sum.Is(Word(header, 24), Word(header, 28)) || pageBytes is < 512 or > 65536)
            return "the header of its write-ahead log journal.db-wal is wrong";
        return Scan(file, header, pageBytes, sum);
    }

    private static string? Scan(FileStream file, byte[] header, int pageBytes, Checksum sum)
    {
        var broken = 0L;
        var wholeAfterwards = false;
        var frame = new byte[FrameHeaderBytes + pageBytes];
        for (var number = 1L; file.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false) == frame.Length; number++)
        {
            // Frames of an earlier round of the log, which is long in the database file, have other salts.
            var ofThisRound = frame.AsSpan(8, 8).SequenceEqual(header.AsSpan(16, 8));
            if (broken == 0)
            {
                sum.Add(frame.AsSpan(0, 8));
                sum.Add(frame.AsSpan(FrameHeaderBytes));
                if (ofThisRound && sum.Is(Word(frame, 16), Word(frame, 20))) continue;
                broken = number;
            }
            if (!ofThisRound) continue;
            if (wholeAfterwards) return $"frame {broken} of its write-ahead log journal.db-wal is wrong, though acknowledged commits follow it";
            // A frame that ends a transaction carries the database's size after it.
            wholeAfterwards = Word(frame, 4) != 0;
        }
        return null;
    }

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);

    /// <summary>The log's running checksum: each frame's goes on from the one before.</summary>
    private struct Checksum(bool bigEndian)
    {
        private uint _first, _second;

        public readonly bool Is(uint first, uint second) => _first == first && _second == second;

        public void Add(ReadOnlySpan<byte> bytes)
        {
            for (var i = 0; i < bytes.Length; i += 8)
            {
                _first += Read(bytes[i..]) + _second;
                _second += Read(bytes[(i + 4)..]) + _first;
            }
        }

        private readonly uint Read(ReadOnlySpan<byte> bytes) =>
            bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }
}
