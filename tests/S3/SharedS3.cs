namespace Fanfare.S3;

/// <summary>The one S3 server that all classes of the test process share, as their <c>IClassFixture</c>. Tests that hurt a server start their own. It ends with the process.</summary>
public sealed class SharedS3 : IAsyncLifetime
{
    private static readonly Lazy<Task<S3Server>> Shared = new(S3Server.StartAsync);

    private S3Server? _server;

    public S3Server Server => _server ?? throw new InvalidOperationException(S3Server.Refusal ?? "xunit has not initialized this fixture.");

    public async Task InitializeAsync()
    {
        // A class's fixtures are made even when all of its tests are skipped.
        if (S3Server.Refusal is null) _server = await Shared.Value;
    }

    public Task DisposeAsync() => Task.CompletedTask;
}
