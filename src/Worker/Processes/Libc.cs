using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fanfare.Worker.Processes;

/// <summary>The few calls of the C library that .NET has no form of.</summary>
internal static partial class Libc
{
    public const int SigTerm = 15;
    public const int SigKill = 9;

    private const int ErrorNoSuchProcess = 3;
    private const int OpenReadNonBlockingCloseOnExec = 0x800 | 0x80000;

    // FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_TOPDIR_FL of linux/fs.h, on 64 bits.
    private const uint GetFlags = 0x80086601;
    private const uint SetFlags = 0x40086602;
    private const int TopOfHierarchy = 0x00020000;

    /// <summary>Signals a process, or with a negative id a group. False when there is none, or none that may be signalled.</summary>
    public static bool Kill(int id, int signal)
    {
        // 0, 1 and -1 stand for the worker's own group, init, and every process there is.
        ArgumentOutOfRangeException.ThrowIfLessThan(Math.Abs((long)id), 2, nameof(id));
        return KillCall(id, signal) == 0;
    }

    /// <summary>Whether a group has members, zombies included.</summary>
    public static bool GroupExists(int group) => KillCall(-group, 0) == 0 || Marshal.GetLastPInvokeError() != ErrorNoSuchProcess;

    /// <summary>Opens for reading without waiting for the other end of a FIFO.</summary>
    public static SafeFileHandle OpenWithoutWaiting(string path)
    {
        var descriptor = OpenCall(path, OpenReadNonBlockingCloseOnExec);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"Cannot open {path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}.");
    }

    /// <summary>Asks the file system to place what is made in a directory's subdirectories far from each other (<c>chattr +T</c>). Nothing happens where it does not know how.</summary>
    public static void SpreadSubdirectories(string directory)
    {
        var descriptor = OpenCall(directory, OpenReadNonBlockingCloseOnExec);
        if (descriptor < 0) return;
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        var flags = 0;
        if (FlagsCall(descriptor, GetFlags, ref flags) != 0) return;
        flags |= TopOfHierarchy;
        _ = FlagsCall(descriptor, SetFlags, ref flags);
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int FlagsCall(int descriptor, nuint request, ref int flags);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int KillCall(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenCall(string path, int flags);
}
