using System.Diagnostics;

namespace Fanfare.EndToEnd.Withstanding;

/// <summary>A test that mounts a file system of its own; skipped by name where that is not permitted.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MountFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Refusal = new(() =>
    {
        var directory = Directory.CreateTempSubdirectory("fanfare-mount-").FullName;
        try
        {
            using var mount = SmallDisk.Mount(directory, "size=64k");
            return null;
        }
        catch (InvalidOperationException e)
        {
            return $"This machine does not let the test mount a file system: {e.Message}";
        }
        finally
        {
            Directory.Delete(directory);
        }
    });

    public MountFactAttribute() => Skip = Refusal.Value;
}

/// <summary>A file system in memory, mounted at a directory.</summary>
internal sealed class SmallDisk : IDisposable
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
