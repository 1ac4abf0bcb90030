using System.Runtime.InteropServices;

namespace Fanfare.Processes;

/// <summary>Signals to a process, as the system sends them.</summary>
public static partial class Signals
{
    public const int Interrupt = 2, Kill = 9, Terminate = 15, Continue = 18, Stop = 19;

    public static void Send(int process, int signal)
    {
        if (KillProcess(process, signal) != 0) throw new InvalidOperationException($"kill({process}, {signal}) failed with errno {Marshal.GetLastPInvokeError()}.");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int KillProcess(int process, int signal);
}
