using System.Text.Json;
using Fanfare.Cli.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fanfare.Cli.Tests;

public sealed class ReceiverTests : IDisposable
{
    private readonly TestCli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task AFileThatIsRight_IsListed()
    {
        _cli.Set("SLACK", "https://hooks.slack.com/services/T/B/x").Write("receivers.yaml", "ops: {kind: slack, url: {env: SLACK}}\npager: {kind: pagerduty, routing_key: {file: keys/pager}}\n");
        Directory.CreateDirectory(Path.Combine(_cli.Directory, "keys"));
        _cli.Write("keys/pager", "0123456789abcdef0123456789abcdef\n");

        var answer = await _cli.RunAsync("receiver", "check", "receivers.yaml");

        Assert.Equal((ExitCode.Success, "RECEIVER  KIND\nops       slack\npager     pagerduty\n", ""), (answer.Exit, answer.Out, answer.Error));
    }

    [Fact]
    public async Task EveryErrorOfAFile_IsToldAtOnce_InItsLine()
    {
        _cli.Write("receivers.yaml", "ops: {kind: slack}\npager: {kind: beeper}\n");

        var answer = await _cli.RunAsync("receiver", "check", "receivers.yaml");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("receivers.yaml:1:6: ops.url: 'url' is missing", answer.Error, StringComparison.Ordinal);
        Assert.Contains("receivers.yaml:2:15: pager.kind: 'kind' is 'beeper'; it must be one of webhook, slack, pagerduty, email.", answer.Error, StringComparison.Ordinal);
        Assert.Contains("receivers.yaml has 2 errors.", answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ops: {kind: slack, url: {env: NOT_SET}}", "The secret of receiver 'ops' is not there: the variable NOT_SET is not set.")]
    [InlineData("ops: {kind: slack, url: {file: not-there}}", "The secret of receiver 'ops': Could not find file")]
    [InlineData("ok: {kind: webhook, url: \"https://example.com\"}\nops: {kind: webhook, url: \"https://example.com\", secrets: {env: SHORT}}", "Receiver 'ops' cannot be used. A secret that it is signed with cannot be used. It is shorter than 16 bytes.")]
    public async Task ASecretThatCannotBeUsed_IsTold(string text, string what)
    {
        _cli.Set("SHORT", "hunter2").Write("receivers.yaml", text);

        foreach (var line in new string[][] { ["receiver", "check", "receivers.yaml"], ["serve", "--receivers", "receivers.yaml"] })
        {
            var answer = await _cli.RunAsync(line);
            Assert.Equal(ExitCode.Usage, answer.Exit);
            Assert.Contains(what, answer.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("hunter2", answer.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(200, ExitCode.Success, "Receiver 'hook' has it.\n")]
    [InlineData(503, ExitCode.Unreachable, "Receiver 'hook' does not have it; a server would try again. The receiver answered 503 Service Unavailable: {}\n")]
    [InlineData(404, ExitCode.Usage, "Receiver 'hook' does not have it, and trying again would not help. The receiver answered 404 Not Found: {}. Look at the address of the receiver.\n")]
    public async Task ATry_SaysHowItWent(int status, int exit, string said)
    {
        await using var server = await FakeServer.StartAsync();
        server.Answer("POST /hook", status, "{}");
        _cli.Write("receivers.yaml", $"hook: {{kind: webhook, url: \"{new Uri(server.Url, "/hook")}\"}}");

        var answer = await _cli.RunAsync("receiver", "test", "receivers.yaml", "hook");

        Assert.Equal((exit, said, ""), (answer.Exit, answer.Out, answer.Error));
        Assert.Equal(["POST /hook"], server.Requests);
    }

    [Fact]
    public async Task UnderJson_ATryIsADocument()
    {
        await using var server = await FakeServer.StartAsync();
        server.Answer("POST /hook", 429, "");
        _cli.Write("receivers.yaml", $"hook: {{kind: webhook, url: \"{new Uri(server.Url, "/hook")}\"}}");

        var answer = await _cli.RunAsync("receiver", "test", "receivers.yaml", "hook", "--kind", "skipped", "--json");

        var document = JsonDocument.Parse(answer.Out).RootElement;
        Assert.Equal(("hook", "later"), (document.GetProperty("receiver").GetString(), document.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task AReceiverOrKindThatIsNotThere_IsTold()
    {
        _cli.Write("receivers.yaml", "hook: {kind: webhook, url: \"https://example.com\"}");

        var name = await _cli.RunAsync("receiver", "test", "receivers.yaml", "hok");
        Assert.Equal(ExitCode.Usage, name.Exit);
        Assert.Contains("There is no receiver 'hok' in receivers.yaml.", name.Error, StringComparison.Ordinal);
        Assert.Contains("It has hook.", name.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await _cli.RunAsync("receiver", "test", "receivers.yaml", "hook", "--kind", "broken")).Exit);
    }

    [Theory]
    [InlineData("--public-url https://fanfare.example.com/x", "https://fanfare.example.com/x/runs/r1")]
    [InlineData("--advertise http://10.0.0.5:7433", "http://10.0.0.5:7433/runs/r1")]
    [InlineData("--advertise http://10.0.0.5:7433 --public-url https://fanfare.example.com", "https://fanfare.example.com/runs/r1")]
    [InlineData("", null)]
    public async Task AServer_TellsItsReceivers_WithLinksToWherePeopleReachIt(string options, string? url)
    {
        string? body = null;
        await using var hooks = WebApplication.CreateSlimBuilder().Build();
        hooks.Urls.Add("http://127.0.0.1:0");
        hooks.Run(async http => body = await new StreamReader(http.Request.Body).ReadToEndAsync());
        await hooks.StartAsync();
        var recorder = new Recorder();
        _cli.LocalServer = recorder;
        _cli.Set("FANFARE_RECEIVERS", "receivers.yaml").Write("receivers.yaml", $"hook: {{kind: webhook, url: \"{hooks.Urls.Single()}\"}}");

        await _cli.RunAsync(["serve", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        var answer = await recorder.Options!.Notifier.TellAsync(new Notice("n1", "default", "etl", NoticeKind.Succeeded, FakeServer.Start, """{"run": "r1"}""", null, null), "hook", CancellationToken.None);

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Told), answer);
        Assert.Equal(url, JsonDocument.Parse(body!).RootElement.GetProperty("url").GetString());
    }

    /// <summary>Notes what it was to host, and does not.</summary>
    private sealed class Recorder : ILocalServer
    {
        public LocalServerOptions? Options { get; private set; }

        public Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
        {
            Options = options;
            throw new CommandException(ExitCode.Usage, "only noted");
        }
    }
}
