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

    [Fact]
    public async Task ADeletion_GoesToTheScheduler_AndARepeatIsNoError()
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "ada@example");

        using var deleted = await server.Client.DeleteAsync("/api/v1/flows/train?namespace=ml");
        server.Scheduler.New = false;
        using var repeated = await server.Client.DeleteAsync("/api/v1/flows/train?deployment=7");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (deleted.StatusCode, repeated.StatusCode));
        Assert.Equal("""{"flow":"train","deployment":3,"new":true}""", await deleted.Content.ReadAsStringAsync());
        Assert.Equal("""{"flow":"train","deployment":7,"new":false}""", await repeated.Content.ReadAsStringAsync());
        Assert.Equal([new DeleteFlow("ml", "ada@example", "train"), new DeleteFlow("default", "ada@example", "train", 7)], server.Scheduler.Commands);
    }

    [Fact]
    public async Task ADeletionThatIsRefused_NamesTheFieldAndWhatToDo()
    {
        await using var server = await Server.StartAsync();
        server.Scheduler.Refusal = new RefusedException(RefusalKind.Conflict, "FAN0003", "The latest deployment of flow train is 3, not 2: nothing was deleted.")
        {
            Fields = [new SpecError(0, 0, "deployment", "is not the latest, which is 3", "Look at that one.")],
        };

        using var changed = await server.Client.DeleteAsync("/api/v1/flows/train?deployment=2");
        using var noNumber = await server.Client.DeleteAsync("/api/v1/flows/train?deployment=0");
        using var noName = await server.Client.DeleteAsync("/api/v1/flows/%20..");
        using var unknown = await server.Client.DeleteAsync("/api/v1/flows/train?force=true");

        Assert.Equal("""{"field":"deployment","message":"is not the latest, which is 3","remedy":"Look at that one."}""", (await changed.ProblemAsync(HttpStatusCode.Conflict, "FAN0003")).GetProperty("errors")[0].GetRawText());
        await noNumber.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        await noName.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
        await unknown.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
    }

    [Fact]
    public async Task ADeletedFlow_IsNotListed_AndItsDeploymentsAreShownByTheirVersion()
    {
        await using var server = await Server.StartAsync();
        var all = server.Reads.Deployments;
        server.Reads.Change(() =>
        {
            for (var i = 0; i < all.Count; i++) all[i] = all[i] with { DeletedAt = World.T0.AddHours(1) };
        });

        var list = await (await server.Client.GetAsync("/api/v1/flows")).JsonAsync();
        using var latest = await server.Client.GetAsync("/api/v1/flows/train");
        using var versions = await server.Client.GetAsync("/api/v1/flows/train/deployments");
        var second = await (await server.Client.GetAsync("/api/v1/flows/train/deployments/2")).JsonAsync();
        var page = await server.Client.GetStringAsync("/");
        using var run = await server.Client.GetAsync("/runs/r1");

        Assert.Equal(0, list.GetProperty("items").GetArrayLength());
        await latest.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
        await versions.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
        Assert.Equal("flow train", second.GetProperty("source").GetString());
        Assert.Equal(World.T0.AddHours(1), second.GetProperty("deleted_at").GetDateTimeOffset());
        Assert.DoesNotContain("<li><a href=\"/?flow=train\">", page, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, run.StatusCode);
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
