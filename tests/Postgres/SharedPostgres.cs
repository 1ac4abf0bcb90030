using Npgsql;

namespace Fanfare.Postgres;

/// <summary>
/// A database for one test class, as its <c>IClassFixture</c>, on the one server that all classes of the test process share. Tests that hurt a server start their own.
/// The server ends with the process.
/// </summary>
public sealed class SharedPostgres : IAsyncLifetime
{
    private static readonly Lazy<Task<PrivatePostgres>> Shared = new(PrivatePostgres.StartAsync);

    private PrivatePostgres? _server;
    private string? _database;

    public PrivatePostgres Server => _server ?? throw new InvalidOperationException(PrivatePostgres.Refusal ?? "xunit has not initialized this fixture.");

    /// <summary>Connection string of the class's database.</summary>
    public string Database => _database ?? throw new InvalidOperationException(PrivatePostgres.Refusal ?? "xunit has not initialized this fixture.");

    /// <summary>Connection string of a schema in that database which nobody else uses and which is not there yet. A handful of connections do for one test: the server is shared.</summary>
    public string NewSchema() => new NpgsqlConnectionStringBuilder(Database) { SearchPath = $"t{Guid.NewGuid():n}", MaxPoolSize = 6 }.ConnectionString;

    public async Task InitializeAsync()
    {
        // A class's fixtures are made even when all of its tests are skipped.
        if (PrivatePostgres.Refusal is not null) return;
        _server = await Shared.Value;
        _database = await _server.CreateDatabaseAsync();
    }

    public async Task DisposeAsync()
    {
        if (_database is not null) await Server.DropDatabaseAsync(_database);
    }
}
