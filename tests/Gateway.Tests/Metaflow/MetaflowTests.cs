namespace Fanfare.Gateway.Tests;

/// <summary>What Metaflow's clients rely on beyond what the stock service answers.</summary>
public sealed class MetaflowTests
{
    private const string Token = "a-token-of-enough-length";

    [Theory]
    [InlineData("/metaflow/ping", 200)]
    [InlineData("/metaflow/flows/none", 404)]
    [InlineData("/metaflow/nowhere", 404)]
    [InlineData("/metaflow/auth/token", 404)]
    [InlineData("/metaflow/flows/F/runs?_limit=x", 400)]
    public async Task EveryAnswer_SaysTheVersion(string path, int status)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync(path);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.True(Version.Parse(answer.Headers.GetValues("METADATA_SERVICE_VERSION").Single()) >= new Version(2, 5, 0));
    }

    [Theory]
    [InlineData("x-api-key", Token, 200)]
    [InlineData("Authorization", "Bearer " + Token, 200)]
    [InlineData("x-api-key", "another-token-of-length", 401)]
    [InlineData("x-other", Token, 401)]
    public async Task TheTokenIsTaken_AsMetaflowsClientsSendIt(string header, string value, int status)
    {
        await using var server = await Server.StartAsync(o => o with { AccessToken = Token });
        server.Client.DefaultRequestHeaders.Add(header, value);

        using var answer = await server.Client.GetAsync("/metaflow/flows");
        using var elsewhere = await server.Client.GetAsync("/api/v1/version");

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(header == "Authorization" ? 200 : 401, (int)elsewhere.StatusCode);
        Assert.True(answer.Headers.Contains("METADATA_SERVICE_VERSION"));
    }

    [Theory]
    [InlineData("POST", "/metaflow/flows/F", "")]
    [InlineData("POST", "/metaflow/flows/F", "[]")]
    [InlineData("POST", "/metaflow/flows/F", "{\"tags\":3}")]
    [InlineData("POST", "/metaflow/flows/F", "{\"tags\":[\"\\u0000\"]}")]
    [InlineData("POST", "/metaflow/flows/F", "{\"user_name\":{}}")]
    [InlineData("POST", "/metaflow/flows/F/run", "{\"run_number\":\"a/b\"}")]
    [InlineData("POST", "/metaflow/flows/F/runs/1/steps/s/tasks/1/metadata", "{}")]
    [InlineData("POST", "/metaflow/flows/F/runs/1/steps/s/tasks/1/metadata", "[1]")]
    [InlineData("POST", "/metaflow/flows/F/runs/1/steps/s/tasks/1/metadata", "[{\"value\":\"\\ud800\"}]")]
    [InlineData("POST", "/metaflow/flows/F/runs/1/steps/s/tasks/1/artifact", "[{\"attempt_id\":-1}]")]
    [InlineData("POST", "/metaflow/flows/F/runs/1/steps/s/tasks/1/artifact", "[{\"attempt_id\":70000}]")]
    public async Task WhatIsNotAsItMustBe_IsRefused_AndNamed(string method, string path, string body)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path) { Content = Answers.Json(body) });

        await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
    }

    [Fact]
    public async Task AHeartbeat_IsAnsweredAsTheClientDecodesIt_HoweverEarly()
    {
        await using var server = await Server.StartAsync();
        await server.Client.PostAsync("/metaflow/flows/Beating", Answers.Json("{}"));
        await server.Client.PostAsync("/metaflow/flows/Beating/run", Answers.Json("{\"run_number\":\"r-1\",\"system_tags\":[\"metaflow_version:2.19.1\"]}"));

        for (var i = 0; i < 2; i++)
        {
            using var answer = await server.Client.PostAsync("/metaflow/flows/Beating/runs/r-1/heartbeat", new StringContent("{}"));

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(10, JsonDocument.Parse((await answer.JsonAsync()).GetString()!).RootElement.GetProperty("wait_time_in_seconds").GetInt32());
        }
    }

    [Fact]
    public async Task AListingOfAll_HasNoEndBeforeItsLastRow()
    {
        await using var server = await Server.StartAsync();
        await server.Client.PostAsync("/metaflow/flows/Wide", Answers.Json("{}"));
        await server.Client.PostAsync("/metaflow/flows/Wide/run", Answers.Json("{\"run_number\":\"r-1\"}"));
        await server.Client.PostAsync("/metaflow/flows/Wide/runs/r-1/steps/s/step", Answers.Json("{}"));
        await server.Client.PostAsync("/metaflow/flows/Wide/runs/r-1/steps/s/task", Answers.Json("{\"task_id\":\"t\"}"));
        for (var post = 0; post < 5; post++)
        {
            var items = string.Join(',', Enumerable.Range(0, 500).Select(i => $"{{\"field_name\":\"f{post * 500 + i}\",\"value\":\"v\"}}"));
            using var made = await server.Client.PostAsync("/metaflow/flows/Wide/runs/r-1/steps/s/tasks/t/metadata", Answers.Json($"[{items}]"));
            Assert.Equal(500, (await made.JsonAsync()).GetProperty("metadata_created").GetInt32());
        }

        using var answer = await server.Client.GetAsync("/metaflow/flows/Wide/runs/r-1/metadata");

        Assert.Equal(Enumerable.Range(0, 2500).Select(i => $"f{i}").Order(), (await answer.JsonAsync()).EnumerateArray().Select(row => row.GetProperty("field_name").GetString()!).Order());
    }

    private const string Sent = """{"name":"data.ready","payload":{"name":"data.ready","id":"5b1f","timestamp":1700000000,"generated-by-metaflow":true,"alpha":"0.5"}}""";

    [Fact]
    public async Task WhatArgoEventSends_IsAnEvent_TheSameOneWhenItIsSentAgain()
    {
        await using var server = await Server.StartAsync(o => o with { AccessToken = Token });
        server.Client.DefaultRequestHeaders.Add("x-api-key", Token);

        foreach (var body in (string[])[Sent, Sent, Sent.Replace("5b1f", "5b20", StringComparison.Ordinal)])
        {
            using var answer = await server.Client.PostAsync("/metaflow/events", Answers.Json(body));
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            Assert.Equal("data.ready", (await answer.JsonAsync()).GetProperty("name").GetString());
        }

        var published = server.Scheduler.Commands.Cast<PublishEvent>().ToList();
        Assert.All(published, command => Assert.Equal(("data.ready", "metaflow"), (command.Name, command.Actor)));
        Assert.Equal("0.5", JsonDocument.Parse(published[0].Payload).RootElement.GetProperty("alpha").GetString());
        Assert.NotNull(published[0].Key);
        Assert.Equal(published[0].Key, published[1].Key);
        Assert.NotEqual(published[0].Key, published[2].Key);
    }

    [Theory]
    [InlineData("""{"name":"done"}""", "{}")]
    [InlineData("""{"name":"done","payload":null}""", "{}")]
    [InlineData("""{"name":"done","payload":{"id":"7"},"more":1}""", """{"id":"7"}""")]
    public async Task WhatAnotherClientSends_IsAnEventEachTime(string body, string payload)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync("/metaflow/events", Answers.Json(body));

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var command = Assert.IsType<PublishEvent>(Assert.Single(server.Scheduler.Commands));
        Assert.Equal(("done", payload, null), (command.Name, command.Payload, command.Key));
    }

    [Theory]
    [InlineData("[]", 400)]
    [InlineData("{}", 400)]
    [InlineData("""{"name":" x"}""", 400)]
    [InlineData("""{"name":"x","payload":[1]}""", 400)]
    [InlineData("""{"name":"x","payload":{"a":"\ud800"}}""", 400)]
    [InlineData(null, 413)]
    public async Task WhatIsNoEvent_IsRefused(string? body, int status)
    {
        await using var server = await Server.StartAsync();
        body ??= $$$"""{"name":"x","payload":{"a":"{{{new string('a', Limits.PayloadBytes)}}}"}}""";

        using var answer = await server.Client.PostAsync("/metaflow/events", Answers.Json(body));

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task AnEvent_NeedsTheToken()
    {
        await using var server = await Server.StartAsync(o => o with { AccessToken = Token });

        using var answer = await server.Client.PostAsync("/metaflow/events", Answers.Json(Sent));

        await answer.ProblemAsync(HttpStatusCode.Unauthorized, "FAN0006");
        Assert.Empty(server.Scheduler.Commands);
    }
}
