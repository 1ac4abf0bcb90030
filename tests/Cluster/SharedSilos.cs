using Fanfare.Postgres;
using Fanfare.Processes;

// In the place of the site of the suite for the server alone, whose tests stand here unchanged.
namespace Fanfare.EndToEnd;

/// <summary>Three silos and a worker, each a process; the tests' requests go to all silos in turn.</summary>
public sealed class SharedSite : IAsyncLifetime
{
    private PrivatePostgres? _postgres;

    internal Site Site { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _postgres = await PrivatePostgres.StartAsync();
        Site = await Site.OfSilosAsync(await _postgres.CreateDatabaseAsync(), silos: 3, slots: 8);
    }

    public async Task DisposeAsync()
    {
        if (Site is not null) await Site.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
    }
}

/// <summary>Tests that share the silos; they run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class SharedSiteGroup : ICollectionFixture<SharedSite>
{
    public const string Name = "shared silos";
}
