using System.Diagnostics;
using System.Security.Cryptography;

namespace Fanfare.S3;

/// <summary>A server of npm's that tests need, installed into a folder of the user's cache under the hash of the lock file; once, for all who test.</summary>
public sealed class NpmPackages
{
    private const int HashChars = 16;

    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(4), _look = TimeSpan.FromMilliseconds(50);

    private readonly string _name;
    private readonly Lazy<(string? Modules, string? Refusal)> _found;

    /// <param name="name">Of the server's package.</param>
    /// <param name="folder">Beside the tests' program: has the lock file, and the program that starts the server.</param>
    public NpmPackages(string name, string folder) => (_name, Program, _found) = (name, Path.Combine(AppContext.BaseDirectory, folder), new(Look));

    /// <summary>Why no server can be started here; null when one can.</summary>
    public string? Refusal => _found.Value.Refusal;

    /// <summary>The folder of the packages.</summary>
    public string Modules => _found.Value.Modules ?? throw new InvalidOperationException(Refusal);

    /// <summary>The folder that has the program that starts it.</summary>
    public string Program { get; }

    private (string?, string?) Look()
    {
        if (!OperatingSystem.IsLinux()) return (null, $"The tests start {_name} on Linux only.");
        if (new[] { "node", "npm" }.Where(p => !IsOnPath(p)).ToArray() is { Length: > 0 } missing) return (null, $"{string.Join(" and ", missing)} is not installed (Debian: apt-get install nodejs npm).");
        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Program, "package-lock.json"))))[..HashChars];
        var folder = Path.Combine(Cache(), $"{_name}-{hash}");
        var modules = Path.Combine(folder, "node_modules");
        if (Directory.Exists(modules)) return (modules, null);
        Directory.CreateDirectory(Cache());
        // Test processes that run side by side install one after another; it appears when it is whole.
        using var _ = Lock(folder + ".lock");
        if (Directory.Exists(modules)) return (modules, null);
        var incoming = Directory.CreateDirectory(folder + ".incoming").FullName;
        foreach (var file in new[] { "package.json", "package-lock.json" }) File.Copy(Path.Combine(Program, file), Path.Combine(incoming, file), overwrite: true);
        if (Install(incoming) is { } error) return (null, $"{_name} is not installed and could not be: {error}");
        Directory.Move(incoming, folder);
        return (modules, null);
    }

    private static string Cache() => Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
        ? Path.Combine(cache, "fanfare-tests")
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? Path.Combine(home, ".cache") : Path.GetTempPath(), "fanfare-tests");

    private static FileStream Lock(string path)
    {
        for (var until = DateTime.UtcNow + _limit; ; Task.Delay(_look).Wait())
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (DateTime.UtcNow < until)
            {
                // Somebody else installs it.
            }
        }
    }

    /// <returns>What went wrong; null when nothing did.</returns>
    private static string? Install(string folder)
    {
        var start = new ProcessStartInfo("timeout", ["180", "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier", "--loglevel=error"])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : string.Join(' ', error.GetAwaiter().GetResult().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(3));
    }

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Any(f => File.Exists(Path.Combine(f, program)));
}
