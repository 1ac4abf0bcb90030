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

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int KillCall(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenCall(string path, int flags);
}
