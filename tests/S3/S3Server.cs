using System.Diagnostics;
using System.Globalization;

namespace Fanfare.S3;

/// <summary>An S3 server with one bucket in a directory of its own, on a port of its own of 127.0.0.1. It ends with this process at the latest, and its directory with it: then its standard input ends.</summary>
public sealed class S3Server : IAsyncDisposable
{
    public const string Bucket = "fanfare-tests";

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    private static readonly NpmPackages _npm = new("s3rver", "s3server");

    private readonly string _directory = Directory.CreateTempSubdirectory("fanfare-s3-").FullName;
    private Process? _process;
    private int _stores;

    private S3Server()
    {
    }

    /// <summary>Why no server can be started on this machine; null when one can. The first look may install one.</summary>
    public static string? Refusal => _npm.Refusal;

    public int Port { get; private set; }

    public Uri Endpoint => new($"http://127.0.0.1:{Port}");

    /// <summary>Variables for who uses it by the AWS SDK; nothing else of this machine's settings counts then.</summary>
    public static IReadOnlyDictionary<string, string> Credentials { get; } = new Dictionary<string, string>
    {
        ["AWS_ACCESS_KEY_ID"] = "S3RVER",
        ["AWS_SECRET_ACCESS_KEY"] = "S3RVER",
        ["AWS_EC2_METADATA_DISABLED"] = "true",
        ["AWS_REGION"] = "us-east-1",
    };

    public static async Task<S3Server> StartAsync()
    {
        if (Refusal is { } refusal) throw new InvalidOperationException(refusal);
        foreach (var (name, value) in Credentials) Environment.SetEnvironmentVariable(name, value);
        var server = new S3Server();
        await server.LaunchAsync();
        return server;
    }

    /// <summary>A prefix in the bucket that nobody else uses.</summary>
    public string NewPrefix() => $"p{Interlocked.Increment(ref _stores).ToString(CultureInfo.InvariantCulture)}/blobs";

    /// <summary>Keys that begin with a prefix, of uploads in parts that were neither completed nor dropped.</summary>
    public IReadOnlyList<string> OpenUploads(string prefix)
    {
        var uploads = Path.Combine(_directory, Bucket, "._S3rver_uploads");
        if (!Directory.Exists(uploads)) return [];
        return [.. Directory.GetDirectories(uploads).Select(u => Path.Combine(u, "key")).Where(File.Exists).Select(File.ReadAllText).Where(k => k.StartsWith(prefix, StringComparison.Ordinal))];
    }

    /// <summary>Keys of all objects that begin with a prefix.</summary>
    public IReadOnlyList<string> Keys(string prefix)
    {
        const string end = "._S3rver_object";
        var root = Path.Combine(_directory, Bucket);
        return [.. Directory.GetFiles(root, "*" + end, SearchOption.AllDirectories).Select(f => Path.GetRelativePath(root, f)[..^end.Length]).Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>After <see cref="KillAsync"/>, on the same port with the same objects.</summary>
    public Task StartAgainAsync() => LaunchAsync();

    public async ValueTask DisposeAsync()
    {
        if (_process is not null) await KillAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task LaunchAsync()
    {
        var start = new ProcessStartInfo("node", [Path.Combine(_npm.Program, "server.js"), _npm.Modules, _directory, Port.ToString(CultureInfo.InvariantCulture), Bucket])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        var errors = new System.Text.StringBuilder();
        _process.ErrorDataReceived += (_, e) => errors.AppendLine(e.Data);
        _process.BeginErrorReadLine();
        var line = await _process.StandardOutput.ReadLineAsync().WaitAsync(_limit);
        if (line is null) await _process.WaitForExitAsync();
        Port = int.TryParse(line, CultureInfo.InvariantCulture, out var port) ? port : throw new InvalidOperationException($"The S3 server did not start: {line} {errors}");
    }
}
