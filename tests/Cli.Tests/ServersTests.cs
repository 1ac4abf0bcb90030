namespace Fanfare.Cli.Tests;

/// <summary>Several servers that stand by for each other: which is asked, and what is repeated.</summary>
public sealed class ServersTests : IAsyncLifetime, IDisposable
{
    private const string NoLeader = """{"title":"No server leads at the moment","status":503,"code":"FAN0018","detail":"Repeat it."}""";

    private const string Busy = """{"title":"The server cannot take this now","status":503,"code":"FAN0008","detail":"It may have taken effect."}""";

    private readonly TestCli _cli = new();
    private FakeServer _first = null!;
    private FakeServer _second = null!;

    private string Both => $"{_first.Url},{_second.Url}";

    public async Task InitializeAsync()
    {
        (_first, _second) = (await FakeServer.StartAsync(), await FakeServer.StartAsync());
        foreach (var server in (FakeServer[])[_first, _second])
        {
            server.Runs.Add(FakeServer.Run("r1", RunStatus.Running));
            server.Tasks.Add(FakeServer.Task("start", TaskStatus.Running));
        }
    }

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task TheFirstThatAnswers_IsAsked_AndTheNextOneOnlyWhenItIsAway()
    {
        var answer = await _cli.RunAsync("runs", "--server", Both);
        Assert.Equal(ExitCode.Success, answer.Exit);
        Assert.Empty(_second.Requests);

        await _first.DisposeAsync();
        Assert.Equal(ExitCode.Success, (await _cli.Set("FANFARE_SERVER", Both).RunAsync("runs")).Exit);
        Assert.Single(_second.Requests);

        await _second.DisposeAsync();
        var none = await _cli.RunAsync("runs");
        Assert.Equal(ExitCode.Unreachable, none.Exit);
        Assert.Contains($"None of the servers http://{_first.Url.Authority}, http://{_second.Url.Authority} answers", none.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /api/v1/runs/r1", "show r1")]
    [InlineData("POST /api/v1/flows/report/runs", "trigger report")]
    [InlineData("POST /api/v1/runs/r1:cancel", "cancel r1")]
    public async Task WhatDoesNoHarmTwice_IsRepeatedAtTheNext_WhenItsOutcomeIsUnknown(string request, string command)
    {
        _first.HangUpOn(request);
        var hungUp = await _cli.RunAsync([.. command.Split(' '), "--server", Both]);
        _first.Answer(request, 503, Busy);
        var busy = await _cli.RunAsync([.. command.Split(' '), "--server", Both]);

        Assert.True(hungUp.Exit == ExitCode.Success, hungUp.ToString());
        Assert.True(busy.Exit == ExitCode.Success, busy.ToString());
        Assert.Equal(2, _second.Requests.Count(r => r == request));
        // With a key of its own each start is one.
        Assert.All(_second.Started, started => Assert.StartsWith("cli-", started.IdempotencyKey, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("POST /api/v1/runs/r1:retry", "retry r1")]
    [InlineData("POST /api/v1/runs/r1/tasks/start:kill", "task kill r1 start")]
    [InlineData("POST /api/v1/server:drain", "drain")]
    public async Task WhatCouldDoHarmTwice_IsRepeatedOnlyWhenNothingWasDone(string request, string command)
    {
        _second.Answer("POST /api/v1/server:drain", 200, """{"handed_over":true,"server":"http://a","leader":"http://b"}""", "application/json");
        _first.HangUpOn(request);
        var hungUp = await _cli.RunAsync([.. command.Split(' '), "--server", Both]);
        _first.Answer(request, 503, Busy);
        var busy = await _cli.RunAsync([.. command.Split(' '), "--server", Both]);
        Assert.Equal((ExitCode.Unreachable, ExitCode.Unreachable), (hungUp.Exit, busy.Exit));
        Assert.Contains("not known whether the request took effect", hungUp.Error, StringComparison.Ordinal);
        Assert.Empty(_second.Requests);

        _first.Answer(request, 503, NoLeader);
        var nobody = await _cli.RunAsync([.. command.Split(' '), "--server", Both]);

        Assert.True(nobody.Exit == ExitCode.Success, nobody.ToString());
        Assert.Equal(1, _second.Requests.Count(r => r == request));
    }

    [Theory]
    [InlineData("http://a:1,ftp://b")]
    [InlineData(",")]
    public async Task AnAddressThatIsNone_IsNamed(string servers)
    {
        var answer = await _cli.RunAsync("runs", "--server", servers);

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("which is no server address", answer.Error, StringComparison.Ordinal);
    }
}
