namespace Fanfare.Gateway.Tests;

public sealed class SmokeTests
{
    [Theory]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/")]
    [InlineData("/fragment")]
    [InlineData("/runs/r1")]
    [InlineData("/runs/r1/fragment")]
    [InlineData("/runs/r1/tasks/train%5B7%5D")]
    [InlineData("/runs/r1/tasks/start")]
    [InlineData("/errors/FAN0007")]
    [InlineData("/assets/fanfare.css")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/api/v1/version")]
    [InlineData("/api/v1/workers")]
    [InlineData("/api/v1/queues")]
    [InlineData("/api/v1/flows")]
    [InlineData("/api/v1/flows/train")]
    [InlineData("/api/v1/flows/train/deployments")]
    [InlineData("/api/v1/flows/train/deployments/2")]
    [InlineData("/api/v1/runs")]
    [InlineData("/api/v1/runs/r1")]
    [InlineData("/api/v1/runs/r1/steps")]
    [InlineData("/api/v1/runs/r1/tasks")]
    [InlineData("/api/v1/runs/r1/history")]
    [InlineData("/api/v1/runs/r2/events")]
    [InlineData("/api/v1/runs/r1/tasks/fold%5B3,1%5D")]
    [InlineData("/api/v1/runs/r1/tasks/fold[3,1]/attempts")]
    [InlineData("/api/v1/runs/r1/tasks/train[7]/explain")]
    [InlineData("/api/v1/runs/r1/tasks/train[7]/logs")]
    public async Task EveryPageAndListingAnswers(string path)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync(path);
        var body = await answer.Content.ReadAsStringAsync();

        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{answer.StatusCode}: {body}");
        Assert.NotEqual("", answer.Content.Headers.ContentType?.MediaType);
    }
}
