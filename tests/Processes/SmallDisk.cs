using System.Diagnostics;

namespace Fanfare.Processes;

/// <summary>A file system in memory, mounted at a directory.</summary>
public sealed class SmallDisk : IDisposable
{
    private SmallDisk(string directory) => Directory = directory;

    public string Directory { get; }

    /// <param name="options">Such as <c>size=8m</c>.</param>
    /// <exception cref="InvalidOperationException">Mounting is not permitted, or does not work; says how.</exception>
    public static SmallDisk Mount(string directory, string options)
    {
        Call("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory);
        return new SmallDisk(directory);
    }

    public void Remount(string options) => Call("mount", "-o", "remount," + options, Directory);

    // Lazily, since a process that was killed just now may still hold a file.
    public void Dispose() => Call("umount", "--lazy", Directory);

    private static void Call(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException(e.Message, e);
        }
        using (process)
        {
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0) throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {error.Trim()}");
        }
    }
}
