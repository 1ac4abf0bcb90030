namespace Fanfare.Gateway.Tests;

public sealed class FlowsTests
{
    [Fact]
    public async Task ANewDeployment_Is201_AndARepeat200()
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "ada@example");

        using var created = await server.Client.PostAsync("/api/v1/flows?namespace=ml", Answers.Json("""{"source":"flow train"}"""));
        server.Scheduler.New = false;
        using var repeated = await server.Client.PostAsync("/api/v1/flows", Answers.Json("""{"source":"flow train"}"""));

        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal("/api/v1/flows/train/deployments/3?namespace=ml", created.Headers.Location!.OriginalString);
        Assert.Equal("""{"flow":"train","deployment":3,"digest":"DIGEST","new":true}""".Replace("DIGEST", new string('a', 64), StringComparison.Ordinal), await created.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.OK, repeated.StatusCode);
        var command = Assert.IsType<DeployFlow>(server.Scheduler.Commands.First());
        Assert.Equal(("ml", "ada@example", "flow train", null), (command.Namespace, command.Actor, command.Source, command.Package));
    }

    [Fact]
    public async Task TheSpecItself_MayBeTheBody()
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync("/api/v1/flows", new StringContent("flow train", Encoding.UTF8, "application/yaml"));

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
    }

    [Fact]
    public async Task ASpecWithErrors_IsRefusedWithAllOfThem()
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync("/api/v1/flows", Answers.Json("""{"source":"nonsense"}"""));

        var problem = await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0004");
        Assert.Equal(2, problem.GetProperty("errors").GetArrayLength());
        Assert.Equal("""{"field":"steps.a.retri","message":"is not a field of a step.","remedy":"Did you mean 'retry'?","line":2,"column":3}""", problem.GetProperty("errors")[0].GetRawText());
        Assert.False(problem.GetProperty("errors")[1].TryGetProperty("line", out _));
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task Validating_Answers200WithTheErrors_AndDeploysNothing()
    {
        await using var server = await Server.StartAsync();

        using var bad = await server.Client.PostAsync("/api/v1/flows:validate", Answers.Json("""{"source":"nonsense"}"""));
        using var good = await server.Client.PostAsync("/api/v1/flows:validate", Answers.Json("""{"source":"flow x"}"""));

        var errors = (await bad.JsonAsync()).GetProperty("errors");
        Assert.Equal(HttpStatusCode.OK, bad.StatusCode);
        Assert.Equal(2, errors[0].GetProperty("line").GetInt32());
        Assert.Equal("""{"valid":true,"errors":[]}""", await good.Content.ReadAsStringAsync());
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task APackage_MustHaveBeenUploaded()
    {
        await using var server = await Server.StartAsync();
        var digest = new string('0', 64);

        using var missing = await server.Client.PostAsync("/api/v1/flows", Answers.Json($$"""{"source":"flow x","package":"{{digest}}"}"""));
        using var malformed = await server.Client.PostAsync("/api/v1/flows", Answers.Json("""{"source":"flow x","package":"../x"}"""));
        server.Blobs.All[BlobNames.Package(digest)] = [1];
        using var there = await server.Client.PostAsync("/api/v1/flows", Answers.Json($$"""{"source":"flow x","package":"{{digest}}"}"""));

        Assert.Contains("PUT", (await missing.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Remedy(), StringComparison.Ordinal);
        await malformed.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        Assert.Equal(HttpStatusCode.Created, there.StatusCode);
    }

    [Fact]
    public async Task ASpecBeyondTheLimit_IsTooLarge()
    {
        await using var server = await Server.StartAsync();
        var source = "flow " + new string('x', Limits.SpecBytes);

        using var json = await server.Client.PostAsync("/api/v1/flows", Answers.Json($$"""{"source":"{{source}}"}"""));
        using var yaml = await server.Client.PostAsync("/api/v1/flows", new StringContent(source, Encoding.UTF8, "application/yaml"));
        // Else the server's early answer may break the connection under the client's upload.
        server.Client.DefaultRequestHeaders.ExpectContinue = true;
        using var huge = await server.Client.PostAsync("/api/v1/flows", Answers.Json($$"""{"source":"{{new string('x', Limits.RequestBytes)}}"}"""));

        await json.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "FAN0009");
        await yaml.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "FAN0009");
        await huge.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "FAN0009");
    }

    [Fact]
    public async Task Flows_AreListedWithoutAndShownWithTheirSource()
    {
        await using var server = await Server.StartAsync();

        var list = await (await server.Client.GetAsync("/api/v1/flows")).JsonAsync();
        var shown = await (await server.Client.GetAsync("/api/v1/flows/train")).JsonAsync();
        var second = await (await server.Client.GetAsync("/api/v1/flows/train/deployments/2")).JsonAsync();
        var page = await (await server.Client.GetAsync("/api/v1/flows/train/deployments?limit=2")).JsonAsync();

        Assert.False(list.GetProperty("items")[0].TryGetProperty("source", out _));
        Assert.Equal("flow train", shown.GetProperty("source").GetString());
        Assert.Equal(3, shown.GetProperty("deployment").GetInt32());
        Assert.Equal("""["start","train","fold","gather"]""", shown.GetProperty("steps").GetRawText());
        Assert.Equal("int", shown.GetProperty("parameters")[0].GetProperty("type").GetString());
        Assert.Equal(2, second.GetProperty("deployment").GetInt32());
        Assert.Equal("2", page.GetProperty("next").GetString());
    }

    [Theory]
    [InlineData("/api/v1/flows/nope")]
    [InlineData("/api/v1/flows/nope/deployments")]
    [InlineData("/api/v1/flows/train/deployments/9")]
    [InlineData("/api/v1/flows/train?namespace=other")]
    [InlineData("/api/v1/flows/%20..")]
    public async Task WhatIsNotThere_Is404(string path)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync(path);

        await answer.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }
}
