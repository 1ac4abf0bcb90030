namespace Fanfare.Gateway.Tests.Metrics;

public sealed class MetricsApiTests
{
    private const string Text = "text/plain; version=0.0.4; charset=utf-8", OpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    [Theory]
    [InlineData(null, Text)]
    [InlineData("*/*", Text)]
    [InlineData("text/plain;version=0.0.4", Text)]
    [InlineData("application/openmetrics-text", OpenMetrics)]
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OpenMetrics)]
    [InlineData("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.3,*/*;q=0.1", OpenMetrics)]
    [InlineData("application/openmetrics-text;version=1.0.0;q=0.4,text/plain;q=0.6", Text)]
    [InlineData("application/openmetrics-text;version=0.0.1", Text)]
    [InlineData("application/openmetrics-text;q=0", Text)]
    [InlineData("nonsense;;,=", Text)]
    public async Task WhoAsks_GetsTheFormatThatHeLikesBetter(string? accept, string answered)
    {
        await using var server = await Server.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);

        using var answer = await server.Client.SendAsync(request);
        var page = await answer.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(answered, answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(answered == OpenMetrics, page.EndsWith("# EOF\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ThePage_TellsOfWhatTheEngineAndTheJournalCount_AndOfDotnet()
    {
        await using var server = await Server.StartAsync();
        var page = await server.Client.GetStringAsync("/metrics");

        Assert.Contains("\nfanfare_run_ended_total{fanfare_outcome=\"failed\"} ", page, StringComparison.Ordinal);
        Assert.Contains("\nfanfare_journal_appends_total{fanfare_outcome=\"fenced\"} ", page, StringComparison.Ordinal);
        Assert.Contains("\ndotnet_gc_collections_total{", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhereTheServerHasAToken_MetricsNeedIt_AsTheApiDoes()
    {
        await using var server = await Server.StartAsync(o => o with { AccessToken = "a-token-of-enough-length" });

        using var refused = await server.Client.GetAsync("/metrics");
        await refused.ProblemAsync(HttpStatusCode.Unauthorized, "FAN0006");

        server.Client.DefaultRequestHeaders.Add("Authorization", "Bearer a-token-of-enough-length");
        using var answer = await server.Client.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task AQuery_IsRefused_RatherThanTakenForNone()
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync("/metrics?name=x");

        await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
    }
}
