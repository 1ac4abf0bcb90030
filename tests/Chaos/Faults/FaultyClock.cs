using System.Diagnostics;

namespace Fanfare.Chaos.Faults;

/// <summary>A clock for the server that can be set while it runs: libfaketime, read anew from a file at each look.</summary>
internal sealed class FaultyClock
{
    private static readonly string[] Folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime", "/usr/lib64/faketime"];

    private static readonly Lazy<string?> Library = new(() =>
    {
        if (Find() is { } there) return there;
        Install();
        return Find();
    });

    private readonly string _file;

    private FaultyClock(string library, string file)
    {
        _file = file;
        Set(0);
        Environment = new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library,
            ["FAKETIME_TIMESTAMP_FILE"] = file,
            ["FAKETIME_NO_CACHE"] = "1",
            ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        };
    }

    /// <summary>What puts a process on this clock.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Why no clock can be moved here; null when one can.</summary>
    public static string? Refusal => Library.Value is null ? "libfaketime is not installed and could not be (Debian: apt-get install faketime)" : null;

    /// <summary>Null where clocks cannot be moved.</summary>
    public static FaultyClock? In(string directory) => Library.Value is { } library ? new FaultyClock(library, Path.Combine(directory, "clock")) : null;

    private static string? Find() => Folders.Select(f => Path.Combine(f, "libfaketime.so.1")).FirstOrDefault(File.Exists);

    // Only where it goes without asking anybody: as root, with the system's own package.
    private static void Install()
    {
        if (System.Environment.UserName != "root" || !File.Exists("/usr/bin/apt-get")) return;
        if (AptGet("install", "-y", "--no-install-recommends", "faketime")) return;
        // On a fresh machine the lists of packages are empty or old.
        AptGet("update");
        AptGet("install", "-y", "--no-install-recommends", "faketime");
    }

    private static bool AptGet(params string[] arguments)
    {
        var start = new ProcessStartInfo("timeout", ["120", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        using var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        said.Wait();
        return process.ExitCode == 0;
    }

    /// <summary>Sets the clock that many seconds off the true time.</summary>
    public void Set(int seconds)
    {
        // Whole or not at all: the process may read it at any moment.
        var next = _file + ".next";
        File.WriteAllText(next, FormattableString.Invariant($"{(seconds < 0 ? "" : "+")}{seconds}\n"));
        File.Move(next, _file, overwrite: true);
    }
}
