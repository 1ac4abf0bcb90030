namespace Fanfare.EndToEnd;

/// <summary>One server and worker for tests that leave them alone. Their flows have names of their own.</summary>
public sealed class SharedSite : IAsyncLifetime
{
    internal Site Site { get; private set; } = null!;

    public async Task InitializeAsync() => Site = await Site.StartAsync(slots: 8);

    public async Task DisposeAsync() => await Site.DisposeAsync();
}

/// <summary>Tests that share one server and worker; they run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class SharedSiteGroup : ICollectionFixture<SharedSite>
{
    public const string Name = "shared site";
}
