using System.Text.Json;

namespace Fanfare.Cli.Tests;

public sealed class NoticeTests : IAsyncLifetime, IDisposable
{
    private FakeServer _server = null!;
    private TestCli _cli = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _cli = new TestCli(_server);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task APage_SaysHowToHaveTheNext_AndAsksForTheOneThatIsNamed()
    {
        Page("c2");

        var first = await _cli.RunAsync("notice", "list", "report", "--dead", "--limit", "2");

        Assert.True(first.Exit == ExitCode.Success, first.ToString());
        Assert.Contains("GET /api/v1/notices?limit=2&flow=report&dead=true", _server.Requests);
        Assert.Matches(@"n1 +report +failed +run r1 ", first.Out);
        Assert.Contains("There are more: --limit, or --cursor c2", first.ToString(), StringComparison.Ordinal);

        Page(null);
        using var other = new TestCli(_server);
        var second = await other.RunAsync("notice", "list", "--limit", "2", "--cursor", "c2");

        Assert.Contains("GET /api/v1/notices?limit=2&cursor=c2", _server.Requests);
        Assert.DoesNotContain("There are more", second.ToString(), StringComparison.Ordinal);
    }

    private void Page(string? next)
    {
        var notice = new NoticeView("n1", "report", "r1", null, NoticeKind.Failed, FakeServer.Start, JsonDocument.Parse("{}").RootElement, [new NoticeDelivery("oncall", NoticeState.Dead, 7, FakeServer.Start, null, "503")]);
        _server.Answer("GET /api/v1/notices", 200, JsonSerializer.Serialize(new ListResponse<NoticeView>([notice], next), ContractsJson.Default.ListResponseNoticeView), "application/json");
    }
}
