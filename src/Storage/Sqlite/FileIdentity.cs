using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Fanfare.Storage.Sqlite;

/// <summary>What tells a file from a copy of it: its number in the file system, and when it was made, which nobody can set.</summary>
internal static partial class FileIdentity
{
    private const int WorkingDirectory = -100;

    private const uint Number = 0x100, Birth = 0x800;

    /// <summary>Null where the system does not tell.</summary>
    public static string? Of(string path)
    {
        if (!OperatingSystem.IsLinux()) return null;
        // struct statx, which is laid out alike on all machines.
        Span<byte> found = stackalloc byte[256];
        if (Look(WorkingDirectory, path, 0, Number | Birth, ref MemoryMarshal.GetReference(found)) != 0) return null;
        var number = BinaryPrimitives.ReadUInt64LittleEndian(found[32..]);
        var (seconds, nanoseconds) = (BinaryPrimitives.ReadInt64LittleEndian(found[80..]), BinaryPrimitives.ReadUInt32LittleEndian(found[88..]));
        var isBirthKnown = (BinaryPrimitives.ReadUInt32LittleEndian(found) & Birth) != 0;
        return isBirthKnown ? string.Create(CultureInfo.InvariantCulture, $"{number}.{seconds}.{nanoseconds}") : string.Create(CultureInfo.InvariantCulture, $"{number}");
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Look(int directory, string path, int flags, uint wanted, ref byte found);
}
