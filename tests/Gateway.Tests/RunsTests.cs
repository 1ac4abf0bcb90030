namespace Fanfare.Gateway.Tests;

public sealed class RunsTests
{
    [Fact]
    public async Task Starting_PassesEverythingOn_AndLinksToTheRun()
    {
        await using var server = await Server.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/flows/train/runs?namespace=ml");
        request.Headers.Add("Idempotency-Key", "monday");
        request.Content = Answers.Json("""{"deployment":2,"parameters":{"rounds":3,"note":"é"},"tags":["a"],"priority":7}""");

        using var answer = await server.Client.SendAsync(request);
        var body = await answer.JsonAsync();

        var command = Assert.IsType<StartRun>(server.Scheduler.Commands.Single());
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal(("ml", "anonymous", "train", 2, 7, "monday"), (command.Namespace, command.Actor, command.Flow, command.Deployment, command.Priority, command.IdempotencyKey));
        Assert.Equal(3, JsonDocument.Parse(command.Parameters).RootElement.GetProperty("rounds").GetInt32());
        Assert.Equal(["a"], command.Tags);
        Assert.Equal(command.Run, body.GetProperty("run").GetString());
        Assert.Equal($"/runs/{command.Run}?namespace=ml", body.GetProperty("page").GetString());
        Assert.Equal($"/api/v1/runs/{command.Run}?namespace=ml", answer.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task ARunThatTheKeyHadStarted_Is200_AndABodyIsOptional()
    {
        await using var server = await Server.StartAsync();
        server.Scheduler.New = false;

        using var answer = await server.Client.PostAsync("/api/v1/flows/train/runs", null);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False((await answer.JsonAsync()).GetProperty("new").GetBoolean());
    }

    [Fact]
    public void RunIds_SortByTime_AndDiffer()
    {
        var ids = Enumerable.Range(0, 1000).Select(i => RunIds.New(World.T0.AddMilliseconds(i * 40))).ToList();

        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
        Assert.Equal(1000, Enumerable.Range(0, 1000).Select(_ => RunIds.New(World.T0)).Distinct().Count());
        Assert.All(ids, id => Assert.True(RunIds.IsPossible(id) && Names.IsValid(id)));
    }

    [Theory]
    [InlineData("""{"paramters":{}}""", "paramters", "Did you mean 'parameters'?")]
    [InlineData("""{"priority":"high"}""", "priority", "")]
    [InlineData("""{"priority":101}""", "priority", "100")]
    [InlineData("""{"deployment":0}""", "deployment", "from 1")]
    [InlineData("""{"tags":["a\u0007"]}""", "tags[0]", "printable")]
    [InlineData("""{"tags":[null]}""", "tags[0]", "printable")]
    [InlineData("""{"parameters":{"a":"\ud800"}}""", "parameters.a", "")]
    [InlineData("""{"tags":[],"tags":[]}""", "tags", "once")]
    [InlineData("""{"tags":[}""", "tags[0]", "")]
    [InlineData("""[]""", "$", "")]
    [InlineData("null", "$", "")]
    [InlineData("", "$", "")]
    public async Task ABodyThatIsWrong_NamesTheField(string json, string field, string remedy)
    {
        await using var server = await Server.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/flows/train/runs") { Content = Answers.Json(json.Length == 0 ? " " : json) };

        using var answer = await server.Client.SendAsync(request);

        var problem = await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        Assert.Equal(field, problem.Field());
        Assert.Contains(remedy, problem.Remedy(), StringComparison.Ordinal);
        Assert.DoesNotContain("System.", problem.GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain("Fanfare.", problem.GetRawText(), StringComparison.Ordinal);
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task Parameters_HaveNamesAndALimit()
    {
        await using var server = await Server.StartAsync();

        using var badName = await server.Client.PostAsync("/api/v1/flows/train/runs", Answers.Json("""{"parameters":{"a b":1}}"""));
        using var large = await server.Client.PostAsync("/api/v1/flows/train/runs", Answers.Json($$$"""{"parameters":{"a":"{{{new string('x', Limits.ParameterBytes)}}}"}}"""));
        using var deep = await server.Client.PostAsync("/api/v1/flows/train/runs", Answers.Json($$$"""{"parameters":{"a":{{{new string('[', 99)}}}{{{new string(']', 99)}}}}}"""));

        await badName.ProblemAsync(HttpStatusCode.BadRequest, "FAN0005");
        await large.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "FAN0009");
        Assert.Contains("deeper", (await deep.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task AnotherContentType_IsRefused(string type)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync("/api/v1/flows/train/runs", new StringContent("{}", Encoding.UTF8, type));

        await answer.ProblemAsync(HttpStatusCode.UnsupportedMediaType, "FAN0011");
    }

    [Fact]
    public async Task IdempotencyKeys_MayNotDisagree()
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Add("Idempotency-Key", "a");

        using var answer = await server.Client.PostAsync("/api/v1/flows/train/runs", Answers.Json("""{"idempotency_key":"b"}"""));

        Assert.Equal("Idempotency-Key", (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
    }

    [Theory]
    [InlineData(RefusalKind.Invalid, "FAN0005", HttpStatusCode.BadRequest, "FAN0005")]
    [InlineData(RefusalKind.NotFound, "FAN0002", HttpStatusCode.NotFound, "FAN0002")]
    [InlineData(RefusalKind.Conflict, "FAN0003", HttpStatusCode.Conflict, "FAN0003")]
    [InlineData(RefusalKind.Busy, "FAN0008", HttpStatusCode.ServiceUnavailable, "FAN0008")]
    [InlineData(RefusalKind.Conflict, "FAN9999", HttpStatusCode.Conflict, "FAN0003")]
    public async Task ARefusalOfTheEngine_KeepsItsCodeAndReason(RefusalKind kind, string code, HttpStatusCode status, string answered)
    {
        await using var server = await Server.StartAsync();
        server.Scheduler.Refusal = new RefusedException(kind, code, "Because of rounds.");

        using var answer = await server.Client.PostAsync("/api/v1/flows/train/runs", null);

        var problem = await answer.ProblemAsync(status, answered);
        Assert.Equal("Because of rounds.", problem.GetProperty("detail").GetString());
        Assert.Equal(kind == RefusalKind.Busy, answer.Headers.RetryAfter is not null);
    }

    [Theory]
    [InlineData("", "r1,r2,r3")]
    [InlineData("?status=failed", "r3")]
    [InlineData("?active=true", "r1")]
    [InlineData("?active=false", "r2,r3")]
    [InlineData("?tag=nightly", "r1")]
    [InlineData("?deployment=2", "r2,r3")]
    [InlineData("?flow=other", "")]
    [InlineData("?namespace=other", "")]
    [InlineData("?after=2026-01-31T17:30:00Z", "r1")]
    [InlineData("?before=2026-01-31T18:30:00%2B02:00", "r3")]
    [InlineData("?before=2026-01-31", "")]
    [InlineData("?limit=1&cursor=1", "r2")]
    public async Task Listing_Filters(string query, string runs)
    {
        await using var server = await Server.StartAsync();

        var list = await (await server.Client.GetAsync("/api/v1/runs" + query)).JsonAsync();

        Assert.Equal(runs, string.Join(',', list.GetProperty("items").EnumerateArray().Select(r => r.GetProperty("run").GetString())));
    }

    [Theory]
    [InlineData("statsu=failed", "statsu", "Did you mean 'status'?")]
    [InlineData("status=bad", "status", "succeeded")]
    [InlineData("status=Failed", "status", "failed")]
    [InlineData("limit=0", "limit", "1 to 1000")]
    [InlineData("limit=-1", "limit", "1 to 1000")]
    [InlineData("limit=99999999999999999999", "limit", "1 to 1000")]
    [InlineData("limit=1&limit=2", "limit", "once")]
    [InlineData("active=maybe", "active", "true or false")]
    [InlineData("after=yesterday", "after", "2026")]
    [InlineData("cursor=%00", "cursor", "printable")]
    [InlineData("cursor=nonsense", "cursor", "next")]
    [InlineData("namespace=../x", "namespace", "name")]
    [InlineData("zzzzzzzz=1", "zzzzzzzz", "Known:")]
    public async Task AQueryThatIsWrong_NamesTheParameterAndTheRemedy(string query, string field, string remedy)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync("/api/v1/runs?" + query);

        var problem = await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        Assert.Equal(field, problem.Field());
        Assert.Contains(remedy, problem.Remedy(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARun_IsShownInFull()
    {
        await using var server = await Server.StartAsync();

        var run = await (await server.Client.GetAsync("/api/v1/runs/r3")).JsonAsync();

        Assert.Equal("failed", run.GetProperty("status").GetString());
        Assert.Equal(1, run.GetProperty("error").GetProperty("exit_code").GetInt32());
        Assert.Equal("/runs/r3", run.GetProperty("page").GetString());
        Assert.Equal(JsonValueKind.Object, run.GetProperty("parameters").ValueKind);
    }

    [Theory]
    [InlineData("cancel", RunVerb.Cancel, "cancelling")]
    [InlineData("pause", RunVerb.Pause, "paused")]
    [InlineData("resume", RunVerb.Resume, "running")]
    [InlineData("retry", RunVerb.Retry, "running")]
    public async Task AVerbAfterAColon_CommandsTheRun(string word, RunVerb verb, string status)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync($"/api/v1/runs/r1:{word}", Answers.Json("""{"reason":"why not"}"""));

        Assert.Equal($$"""{"run":"r1","status":"{{status}}"}""", await answer.Content.ReadAsStringAsync());
        Assert.Equal(new CommandRun("default", "anonymous", "r1", verb, "why not"), server.Scheduler.Commands.Single());
    }

    [Fact]
    public async Task RetryTakesAStep_AndOthersDoNot()
    {
        await using var server = await Server.StartAsync();

        using var retried = await server.Client.PostAsync("/api/v1/runs/r3:retry", Answers.Json("""{"from_step":"train"}"""));
        using var cancelled = await server.Client.PostAsync("/api/v1/runs/r1:cancel", Answers.Json("""{"from_step":"train"}"""));

        Assert.Equal("train", Assert.IsType<CommandRun>(server.Scheduler.Commands.Single()).FromStep);
        Assert.Equal("from_step", (await cancelled.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
    }

    [Theory]
    [InlineData("/api/v1/runs/r1:cancle", "cancel")]
    [InlineData("/api/v1/runs/r1", ":cancel")]
    [InlineData("/api/v1/runs/r1/tasks/start:retri", "retry")]
    public async Task AnUnknownVerb_IsRefusedWithTheLikelyOne(string path, string remedy)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync(path, null);

        Assert.Contains(remedy, (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Remedy(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("r9:cancel")]
    [InlineData("..%2Fr1:cancel")]
    [InlineData("r%001:cancel")]
    public async Task CommandingARunThatIsNotThere_Is404(string run)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync("/api/v1/runs/" + run, null);

        Assert.True(answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest);
        Assert.Empty(server.Scheduler.Commands);
    }

    [Theory]
    [InlineData("é", 1)]
    [InlineData("", 1)]
    [InlineData("  ", 1)]
    [InlineData("x", 129)]
    public async Task AnActor_IsShortPrintableAscii(string actor, int times)
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.TryAddWithoutValidation("X-Fanfare-Actor", string.Concat(Enumerable.Repeat(actor, times)));

        using var answer = await server.Client.PostAsync("/api/v1/runs/r1:pause", null);

        Assert.Equal("X-Fanfare-Actor", (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
    }

    [Fact]
    public async Task History_ComesInPages()
    {
        await using var server = await Server.StartAsync();

        var first = await (await server.Client.GetAsync("/api/v1/runs/r1/history?limit=1")).JsonAsync();
        var second = await (await server.Client.GetAsync($"/api/v1/runs/r1/history?limit=5&cursor={first.GetProperty("next")}")).JsonAsync();
        using var bad = await server.Client.GetAsync("/api/v1/runs/r1/history?cursor=x");

        Assert.Equal("run_started", first.GetProperty("items")[0].GetProperty("type").GetString());
        Assert.Equal("task_leased", second.GetProperty("items")[0].GetProperty("type").GetString());
        Assert.Equal("default/step/r1/1:start", second.GetProperty("items")[0].GetProperty("stream").GetString());
        Assert.False(second.TryGetProperty("next", out _));
        await bad.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
    }
}
