namespace Fanfare.Chaos.Faults;

/// <summary>A clock for the server that can be set while it runs: libfaketime, read anew from a file at each look.</summary>
internal sealed class FaultyClock
{
    private static readonly string[] Folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime", "/usr/lib64/faketime"];

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

    /// <summary>Null where libfaketime is not installed.</summary>
    public static FaultyClock? In(string directory) =>
        Folders.Select(f => Path.Combine(f, "libfaketime.so.1")).FirstOrDefault(File.Exists) is { } library ? new FaultyClock(library, Path.Combine(directory, "clock")) : null;

    /// <summary>Sets the clock that many seconds off the true time.</summary>
    public void Set(int seconds)
    {
        // Whole or not at all: the process may read it at any moment.
        var next = _file + ".next";
        File.WriteAllText(next, FormattableString.Invariant($"{(seconds < 0 ? "" : "+")}{seconds}\n"));
        File.Move(next, _file, overwrite: true);
    }
}
