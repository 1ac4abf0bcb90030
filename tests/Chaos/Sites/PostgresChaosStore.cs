using Fanfare.Chaos.Faults;
using Fanfare.S3;
using Fanfare.Storage;

namespace Fanfare.Chaos.Sites;

/// <summary>A PostgreSQL server of its own, and two servers of ours on it, which stand by for each other. Their blobs lie in a bucket where this machine has a server for it, else in
/// the directory that they share.</summary>
internal sealed class PostgresChaosStore : ChaosStore
{
    private readonly PrivatePostgres _postgres;
    private readonly S3Server? _s3;
    private readonly string _database;
    private readonly string _data;

    private PostgresChaosStore(string data, PrivatePostgres postgres, string database, S3Server? s3) => (_data, _postgres, _database, _s3) = (Directory.CreateDirectory(data).FullName, postgres, database, s3);

    public override string Name => "postgresql";

    public override int Servers => 2;

    public override IReadOnlyList<string> ServeOptions => ["--data", _data, "--database", _database];

    public override IReadOnlyDictionary<string, string> Environment => _s3 is null ? base.Environment : new Dictionary<string, string>(S3Server.Credentials)
    {
        ["FANFARE_BLOBS"] = $"s3://{S3Server.Bucket}/chaos",
        ["FANFARE_S3_ENDPOINT"] = _s3.Endpoint.ToString(),
    };

    public override IReadOnlyList<FaultKind> Faults => [FaultKind.KillStore, FaultKind.FreezeStore, FaultKind.EndConnections, .. _s3 is null ? (FaultKind[])[] : [FaultKind.KillBlobs]];

    public override string? DiskRefusal => "a full disk of the database is under test elsewhere";

    // A server that starts while the database is away is right to end.
    public override bool MayRefuse => true;

    public static async Task<Func<string, ChaosStore>> MakeAsync()
    {
        var postgres = await PrivatePostgres.StartAsync();
        var database = await postgres.CreateDatabaseAsync();
        var s3 = S3Server.Refusal is null ? await S3Server.StartAsync() : null;
        return data => new PostgresChaosStore(data, postgres, database, s3);
    }

    public override async Task StrikeAsync(Fault fault, CancellationToken end)
    {
        switch (fault.Kind)
        {
            case FaultKind.KillStore:
                await _postgres.KillAsync();
                await HoldAsync(fault, end);
                await _postgres.StartAgainAsync();
                break;
            case FaultKind.FreezeStore:
                await _postgres.FreezeAsync();
                await HoldAsync(fault, end);
                await _postgres.ThawAsync();
                break;
            case FaultKind.EndConnections:
                await _postgres.TerminateConnectionsAsync(_database);
                break;
            case FaultKind.KillBlobs:
                await _s3!.KillAsync();
                await HoldAsync(fault, end);
                await _s3.StartAgainAsync();
                break;
            default:
                await base.StrikeAsync(fault, end);
                break;
        }
    }

    public override void Fill() => throw new InvalidOperationException(DiskRefusal);

    public override void Free() => throw new InvalidOperationException(DiskRefusal);

    public override async Task<Reading> ReadAsync()
    {
        await using var election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        await using var store = await election.WinAsync("the reader", CancellationToken.None);
        return await new StoreReader(store.Journal, store.ReadModel, isDense: false).ReadAsync();
    }

    public override void Keep(string directory)
    {
        foreach (var file in Directory.EnumerateFiles(_data, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(directory, Path.GetRelativePath(_data, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _postgres.DisposeAsync();
        if (_s3 is not null) await _s3.DisposeAsync();
    }

    private static async Task HoldAsync(Fault fault, CancellationToken end) => await Task.Delay(fault.Hold, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
