using System.Text.Json;

namespace Fanfare.Cli.Tests;

public sealed class ProblemTests : IAsyncLifetime, IDisposable
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
    public async Task ARefusal_ShowsTitle_Detail_EachFieldWithItsRemedy_AndThePage()
    {
        _server.Answer("POST /api/v1/flows/report/runs", 400, """
            {"type":"/docs/errors/FAN0007","title":"The parameters do not fit","status":400,"detail":"2 of 3 are wrong.","code":"FAN0007",
             "errors":[{"field":"size","message":"is not an int","remedy":"Give a whole number."},{"field":"day","message":"is required","remedy":"Give it with -p day=…"}]}
            """);

        var answer = await _cli.RunAsync("trigger", "report", "-p", "size=x");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Equal($"""
            error: The parameters do not fit
              2 of 3 are wrong.
              size is not an int
                Give a whole number.
              day is required
                Give it with -p day=…
              see {_server.Url}docs/errors/FAN0007

            """, answer.Error);
        Assert.Equal("", answer.Out);
    }

    [Fact]
    public async Task ASpecRefusedByTheServer_IsShownInItsSource()
    {
        _cli.Write("f/flow.yaml", "name: report\nsteps:\n  train: {nxt: end}\n");
        _server.Answer("POST /api/v1/flows", 422, """
            {"title":"The spec is not valid","errors":[{"field":"steps.train.nxt","message":"is unknown","remedy":"Did you mean 'next'?","line":3,"column":11}]}
            """);

        var answer = await _cli.RunAsync("deploy", "f/flow.yaml");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("""
            f/flow.yaml:3:11: steps.train.nxt is unknown
              3 |   train: {nxt: end}
                |           ^
              Did you mean 'next'?
            """, answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnderJson_ARefusalIsADocumentOnStandardError()
    {
        var answer = await _cli.RunAsync("show", "nope", "--json");

        Assert.Equal((ExitCode.Usage, ""), (answer.Exit, answer.Out));
        using var document = JsonDocument.Parse(answer.Error);
        Assert.Equal("There is no 'nope'.", document.RootElement.GetProperty("detail").GetString());
        Assert.Equal(2, document.RootElement.GetProperty("exit_code").GetInt32());
    }

    [Fact]
    public async Task WithoutTheToken_TheRemedyIsTold()
    {
        _server.Answer("GET /api/v1/runs", 401, """{"title":"The access token is missing","detail":"Send it."}""");

        var answer = await _cli.RunAsync("runs");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("--token or FANFARE_TOKEN", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheToken_AndTheNamespace_AreSent()
    {
        _cli.Set("FANFARE_TOKEN", "secret-of-sixteen");

        await _cli.RunAsync("runs", "--namespace", "blue");

        Assert.Equal("Bearer secret-of-sixteen", _server.Headers["Authorization"]);
        Assert.Contains("GET /api/v1/runs?limit=20&namespace=blue", _server.Requests);
    }

    [Theory]
    [InlineData(500, "<html>boom</html>", "text/html", 3)]
    [InlineData(503, "", "text/plain", 3)]
    [InlineData(418, "{\"errors\": {\"size\": [\"is odd\"]}}", "application/json", 2)]
    [InlineData(400, "[1,", "application/json", 2)]
    [InlineData(400, "[1]", "application/json", 2)]
    public async Task AnythingAServerSays_IsSaidInWords(int status, string body, string type, int exit)
    {
        _server.Answer("GET /api/v1/runs", status, body, type);

        var answer = await _cli.RunAsync("runs");

        Assert.Equal(exit, answer.Exit);
        Assert.Contains($"The server answered {status}", answer.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatCouldSteerATerminal_IsShownAsSymbols()
    {
        _server.Answer("GET /api/v1/runs", 400, """{"title":"bad \u001b[2Jtitle","detail":"a\u0007b"}""");

        var answer = await _cli.RunAsync("runs");

        Assert.DoesNotContain('\u001b', answer.Error);
        Assert.Contains("bad ␛[2Jtitle", answer.Error, StringComparison.Ordinal);
        Assert.Contains("a␇b", answer.Error, StringComparison.Ordinal);
    }
}
