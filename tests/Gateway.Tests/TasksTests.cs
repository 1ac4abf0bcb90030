namespace Fanfare.Gateway.Tests;

public sealed class TasksTests
{
    [Theory]
    [InlineData("start", "start", "", "0", 0)]
    [InlineData("train[7]", "train", "", "0.0", 7)]
    [InlineData("train%5B7%5D", "train", "", "0.0", 7)]
    [InlineData("train[99999]", "train", "", "0.0", 99_999)]
    [InlineData("train[7]#0.2", "train", "", "0.2", 7)]
    [InlineData("fold%5B3%2C1%5D%231.0.2", "fold", "3", "1.0.2", 1)]
    [InlineData("fold[3,1]", "fold", "3", "0.0.0", 1)]
    public async Task ATaskName_IsReadByTheShapeOfItsStep(string name, string step, string outer, string loops, int split)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync($"/api/v1/runs/r1/tasks/{name.Replace("#", "%23", StringComparison.Ordinal)}/explain");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True(SplitPath.TryParse(outer, ',', out var outerPath));
        Assert.True(SplitPath.TryParse(loops, '.', out var loopPath));
        Assert.Equal(new TaskRef("default", "r1", new StepKey(step, outerPath, loopPath), split), server.Scheduler.Commands.Single());
    }

    [Theory]
    [InlineData("tarin[7]", HttpStatusCode.NotFound, "FAN0002", "Did you mean 'train'?")]
    [InlineData("start[0]", HttpStatusCode.BadRequest, "FAN0001", "Write start")]
    [InlineData("train", HttpStatusCode.BadRequest, "FAN0001", "Write train[N]")]
    [InlineData("train[]", HttpStatusCode.BadRequest, "FAN0001", "Write train[N]")]
    [InlineData("train[-1]", HttpStatusCode.BadRequest, "FAN0001", "Write train[N]")]
    [InlineData("train[1", HttpStatusCode.BadRequest, "FAN0001", "Write train[N]")]
    [InlineData("train[1,2]", HttpStatusCode.BadRequest, "FAN0001", "Write train[N]")]
    [InlineData("train[1]%230", HttpStatusCode.BadRequest, "FAN0001", "2 loop counters")]
    [InlineData("train[1]%23", HttpStatusCode.BadRequest, "FAN0001", "2 loop counters")]
    [InlineData("train[99999999999]", HttpStatusCode.BadRequest, "FAN0001", "Write train[N]")]
    [InlineData("fold[3]", HttpStatusCode.BadRequest, "FAN0001", "Write fold[N,N]")]
    public async Task ANameThatNoTaskCanHave_IsRefusedWithTheForm(string name, HttpStatusCode status, string code, string remedy)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync("/api/v1/runs/r1/tasks/" + name);

        Assert.Contains(remedy, (await answer.ProblemAsync(status, code)).Remedy(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATask_IsShownWithOutputAndArtifacts()
    {
        await using var server = await Server.StartAsync();

        var task = await (await server.Client.GetAsync("/api/v1/runs/r1/tasks/start")).JsonAsync();

        Assert.Equal("[1,2]", task.GetProperty("output").GetProperty("items").GetRawText());
        Assert.Equal("report.html", task.GetProperty("artifacts")[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task ATaskWithoutARow_Waits_UnlessItCannotCome()
    {
        await using var server = await Server.StartAsync();

        var waiting = await (await server.Client.GetAsync("/api/v1/runs/r1/tasks/train[5000]")).JsonAsync();
        var unopened = await (await server.Client.GetAsync("/api/v1/runs/r1/tasks/gather")).JsonAsync();
        using var beyond = await server.Client.GetAsync("/api/v1/runs/r1/tasks/train[100000]");
        using var never = await server.Client.GetAsync("/api/v1/runs/r3/tasks/gather");

        Assert.Equal(("waiting", -1), (waiting.GetProperty("status").GetString(), waiting.GetProperty("attempt").GetInt32()));
        Assert.Equal("waiting", unopened.GetProperty("status").GetString());
        await beyond.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
        await never.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }

    [Theory]
    [InlineData("", 50)]
    [InlineData("?limit=1000", 62)]
    [InlineData("?step=train&limit=1000", 60)]
    [InlineData("?status=failed", 2)]
    [InlineData("?key=fold[3]", 1)]
    [InlineData("?key=fold[4]", 0)]
    [InlineData("?step=train&status=failed&limit=1", 1)]
    public async Task Tasks_AreFilteredAndPaged(string query, int count)
    {
        await using var server = await Server.StartAsync();

        var list = await (await server.Client.GetAsync("/api/v1/runs/r1/tasks" + query)).JsonAsync();

        Assert.Equal(count, list.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task Listings_NameTasksInFull_AndLeaveOutputsOut()
    {
        await using var server = await Server.StartAsync();

        var list = await (await server.Client.GetAsync("/api/v1/runs/r1/tasks?limit=1000")).JsonAsync();
        var tasks = list.GetProperty("items").EnumerateArray().ToList();

        Assert.Contains(tasks, t => t.GetProperty("task").GetString() == "fold[3,1]" && t.GetProperty("splits").GetString() == "3,1");
        Assert.All(tasks, t => Assert.False(t.TryGetProperty("output", out _)));
    }

    [Theory]
    [InlineData("step=tarin", "step")]
    [InlineData("key=fold", "key")]
    [InlineData("key=fold[3,1]", "key")]
    [InlineData("status=done", "status")]
    public async Task AFilterThatMatchesNothingPossible_IsRefused(string query, string field)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync("/api/v1/runs/r1/tasks?" + query);

        Assert.Equal(field, (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
    }

    [Fact]
    public async Task Steps_CountWhatWaits()
    {
        await using var server = await Server.StartAsync();

        var steps = (await (await server.Client.GetAsync("/api/v1/runs/r1/steps")).JsonAsync()).GetProperty("items");

        Assert.Equal(("fold[3]", "fold", 2), (steps[2].GetProperty("key").GetString(), steps[2].GetProperty("step").GetString(), steps[2].GetProperty("waiting").GetInt32()));
        Assert.Equal(100_000 - 4 - 2 - 580 - 2, steps[1].GetProperty("waiting").GetInt32());
    }

    [Fact]
    public async Task Attempts_AreListedWithTheirErrors()
    {
        await using var server = await Server.StartAsync();

        var attempts = (await (await server.Client.GetAsync("/api/v1/runs/r1/tasks/train[7]/attempts")).JsonAsync()).GetProperty("items");

        Assert.Equal(["lost", "failed"], attempts.EnumerateArray().Select(a => a.GetProperty("status").GetString()!));
    }

    [Theory]
    [InlineData("kill", TaskVerb.Kill, null)]
    [InlineData("retry", TaskVerb.Retry, null)]
    [InlineData("skip", TaskVerb.Skip, """{"loss": 0.5}""")]
    public async Task AVerbAfterAColon_CommandsTheTask(string word, TaskVerb verb, string? output)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync($"/api/v1/runs/r1/tasks/fold%5B3,1%5D:{word}", output is null ? null : Answers.Json($$"""{"output":{{output}}}"""));

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(new CommandTask("anonymous", World.Task("fold", 1, 3), verb, output), server.Scheduler.Commands.Single());
    }

    [Theory]
    [InlineData("kill", """{"output":{}}""")]
    [InlineData("skip", """{"output":[1]}""")]
    [InlineData("skip", """{"output":{"a":"\udc00"}}""")]
    public async Task AnOutput_IsAnObject_AndForSkipOnly(string word, string body)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync($"/api/v1/runs/r1/tasks/start:{word}", Answers.Json(body));

        Assert.Equal("output", (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task AnArtifact_IsServedInAnOriginOfItsOwn()
    {
        await using var server = await Server.StartAsync();
        server.Blobs.All[BlobNames.Artifact(World.Task("start", 0), 0, "report.html")] = "<h1>Hi</h1>"u8.ToArray();
        server.Blobs.All[BlobNames.Artifact(World.Task("start", 0), 0, "plots/loss 1.txt")] = "12345"u8.ToArray();

        using var page = await server.Client.GetAsync("/api/v1/runs/r1/tasks/start/artifacts/report.html");
        using var nested = await server.Client.GetAsync("/api/v1/runs/r1/tasks/start/artifacts/plots/loss%201.txt");
        using var encoded = await server.Client.GetAsync("/api/v1/runs/r1/tasks/start/artifacts/plots%2Floss%201.txt");
        using var missing = await server.Client.GetAsync("/api/v1/runs/r1/tasks/start/artifacts/reprot.html");
        using var none = await server.Client.GetAsync("/api/v1/runs/r1/tasks/train[7]/artifacts/x");

        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("sandbox", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("12345", await nested.Content.ReadAsStringAsync());
        Assert.Equal("12345", await encoded.Content.ReadAsStringAsync());
        Assert.Contains("report.html", (await missing.ProblemAsync(HttpStatusCode.NotFound, "FAN0002")).GetRawText(), StringComparison.Ordinal);
        await none.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }
}
