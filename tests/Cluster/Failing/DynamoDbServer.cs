using System.Diagnostics;
using System.Globalization;
using Fanfare.Postgres;
using Fanfare.S3;

namespace Fanfare.Cluster.Failing;

/// <summary>What speaks DynamoDB's protocol (npm's dynalite), in memory. It ends with this process at the latest: then its standard input ends.</summary>
internal sealed class DynamoDbServer : IAsyncDisposable
{
    private static readonly NpmPackages _npm = new("dynalite", "dynamodb");

    private readonly Process _process;

    private DynamoDbServer(Process process, int port) => (_process, Environment) = (process, new Dictionary<string, string>
    {
        ["FANFARE_DYNAMODB_ENDPOINT"] = $"http://127.0.0.1:{port}",
        ["AWS_ACCESS_KEY_ID"] = "dynalite",
        ["AWS_SECRET_ACCESS_KEY"] = "dynalite",
        ["AWS_EC2_METADATA_DISABLED"] = "true",
        ["AWS_REGION"] = "us-east-1",
    });

    /// <summary>Why none can be started on this machine; null when one can. The first look may install one.</summary>
    public static string? Refusal => _npm.Refusal;

    /// <summary>Variables for who uses it.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    public static async Task<DynamoDbServer> StartAsync()
    {
        var process = Process.Start(new ProcessStartInfo("node", [Path.Combine(_npm.Program, "server.js"), _npm.Modules]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return new DynamoDbServer(process, int.Parse(line!, CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}

/// <summary>A test that needs DynamoDB's protocol and PostgreSQL; skipped by name where one of them cannot be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DynamoDbFactAttribute : FactAttribute
{
    public DynamoDbFactAttribute() => Skip = PrivatePostgres.Refusal ?? DynamoDbServer.Refusal;
}
