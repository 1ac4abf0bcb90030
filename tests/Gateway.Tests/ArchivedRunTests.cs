namespace Fanfare.Gateway.Tests;

public sealed class ArchivedRunTests
{
    private const string Blob = "archives/default/2026-01-01/r0.1767225600000000.jsonl.gz";

    private static readonly DateTimeOffset _ended = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("GET", "/api/v1/runs/r0")]
    [InlineData("GET", "/api/v1/runs/r0/steps")]
    [InlineData("GET", "/api/v1/runs/r0/tasks")]
    [InlineData("GET", "/api/v1/runs/r0/tasks/start")]
    [InlineData("GET", "/api/v1/runs/r0/tasks/start/attempts")]
    [InlineData("GET", "/api/v1/runs/r0/tasks/start/logs")]
    [InlineData("GET", "/api/v1/runs/r0/tasks/start/explain")]
    [InlineData("GET", "/api/v1/runs/r0/tasks/start/artifacts/report.html")]
    [InlineData("GET", "/api/v1/runs/r0/history")]
    [InlineData("GET", "/api/v1/runs/r0/events")]
    [InlineData("POST", "/api/v1/runs/r0:cancel")]
    [InlineData("POST", "/api/v1/runs/r0:pause")]
    [InlineData("POST", "/api/v1/runs/r0:resume")]
    [InlineData("POST", "/api/v1/runs/r0:retry")]
    [InlineData("POST", "/api/v1/runs/r0/tasks/start:kill")]
    [InlineData("POST", "/api/v1/runs/r0/tasks/start:retry")]
    [InlineData("POST", "/api/v1/runs/r0/tasks/start:skip")]
    [InlineData("GET", "/runs/r0")]
    [InlineData("GET", "/runs/r0/fragment")]
    public async Task AnArchivedRun_AndAllUnderIt_IsGone_AndSaysWhereItLies(string method, string path)
    {
        await using var server = await Server.StartAsync();
        server.Reads.Retired["r0"] = Retired();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var answer = await server.Client.SendAsync(request);

        var problem = await answer.ProblemAsync(HttpStatusCode.Gone, "FAN0017");
        Assert.Contains(Blob, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("archived 2026-02-01 00:00:00Z", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task AnArchive_IsDownloaded_AsItLies()
    {
        await using var server = await Server.StartAsync();
        server.Reads.Retired["r0"] = Retired();
        server.Blobs.All[Blob] = [31, 139, 1, 2, 3];

        using var answer = await server.Client.GetAsync("/api/v1/runs/r0/archive");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/gzip", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal([31, 139, 1, 2, 3], await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task WithoutAnArchive_ThereIsNone()
    {
        await using var server = await Server.StartAsync();
        server.Reads.Retired["r0"] = Retired();

        using var lost = await server.Client.GetAsync("/api/v1/runs/r0/archive");
        using var kept = await server.Client.GetAsync($"/api/v1/runs/{World.Ended}/archive");
        using var unknown = await server.Client.GetAsync("/api/v1/runs/r9/archive");

        await lost.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
        await kept.ProblemAsync(HttpStatusCode.Conflict, "FAN0003");
        await unknown.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }

    private static RetiredRun Retired() => new(7, "default", "r0", "train", 1, RunStatus.Succeeded, _ended.AddHours(-1), _ended, Blob, _ended.AddMonths(1));
}
