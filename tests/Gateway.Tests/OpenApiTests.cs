namespace Fanfare.Gateway.Tests;

public sealed class OpenApiTests
{
    [Fact]
    public async Task TheCommittedDocument_IsCurrent()
    {
        await using var server = await Server.StartAsync();
        var served = (await server.Client.GetStringAsync("/openapi/v1.json")).ReplaceLineEndings("\n").TrimEnd() + "\n";
        var path = Repository.Path("docs/openapi.json");
        if (Environment.GetEnvironmentVariable("FANFARE_UPDATE_DOCS") == "1") await File.WriteAllTextAsync(path, served);

        Assert.True(served == await File.ReadAllTextAsync(path), "docs/openapi.json is not what the server serves. Run the tests with FANFARE_UPDATE_DOCS=1 and look at the difference.");
    }

    [Fact]
    public async Task TheDocument_DescribesEveryOperationInFull()
    {
        await using var server = await Server.StartAsync();
        var document = await (await server.Client.GetAsync("/openapi/v1.json")).JsonAsync();

        var run = document.GetProperty("components").GetProperty("schemas").GetProperty("RunView").GetProperty("required").EnumerateArray().Select(r => r.GetString()).ToList();
        Assert.Contains("run", run);
        Assert.DoesNotContain("ended_at", run);
        Assert.DoesNotContain("error", run);
        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        foreach (var (path, method, operation) in document.Operations())
        {
            Assert.NotEqual("", operation.GetProperty("summary").GetString());
            Assert.NotEqual("", operation.GetProperty("operationId").GetString());
            Assert.True(operation.GetProperty("responses").TryGetProperty("default", out _), $"{method} {path} has no problem response.");
            var named = operation.TryGetProperty("parameters", out var parameters)
                ? parameters.EnumerateArray().Where(p => p.GetProperty("in").GetString() == "path").Select(p => "{" + p.GetProperty("name").GetString() + "}").ToList()
                : [];
            Assert.All(named, name => Assert.Contains(name, path, StringComparison.Ordinal));
            Assert.Equal(path.Count(c => c == '{'), named.Count);
        }
    }

    [Fact]
    public async Task EveryRouteOfTheWorkerProtocol_IsServed()
    {
        await using var server = await Server.StartAsync();
        var paths = (await (await server.Client.GetAsync("/openapi/v1.json")).JsonAsync()).Operations().Select(o => o.Path).ToHashSet();
        var lease = new HeldLease(World.Task("start", 0), "t");

        Assert.All(
            [WorkerRoutes.Inputs(lease), WorkerRoutes.Log(lease, 0), WorkerRoutes.Artifact(lease, "a"), WorkerRoutes.Items(lease), WorkerRoutes.PublishedArtifact(lease.Task, 0, "a")],
            route => Assert.Contains("/" + route.Split('?')[0], paths));
        Assert.Contains("/api/v1/workers/{id}:poll", paths);
        Assert.Contains("/api/v1/packages/{sha256}", paths);
    }
}

internal static class OpenApiOperations
{
    public static IEnumerable<(string Path, string Method, JsonElement Operation)> Operations(this JsonElement document) =>
        from path in document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select (path.Name, operation.Name.ToUpperInvariant(), operation.Value);
}
