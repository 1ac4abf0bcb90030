namespace Fanfare.Gateway.Tests;

public sealed class PollTests
{
    public const string Poll = """
        {"worker":"w1","boot":"b1","sequence":1,"wait_ms":1000,"capacity":{"cpu":4,"memory_bytes":1,"gpu":0,"disk_bytes":0},"free":{"cpu":4,"memory_bytes":1,"gpu":0,"disk_bytes":0},
         "max_leases":4,"queues":["default"],
         "finished":[{"task":{"namespace":"default","run":"r1","step":"2:train","split":7},"token":"2.1.a","outcome":"failed","ended_at":"2026-01-31T18:00:00Z","error":{"type":"exit","message":"no","exit_code":1}}],
         "held":[{"task":{"namespace":"default","run":"r1","step":"3:fold[3]#0.0.1","split":1},"token":"3.0.a"}]}
        """;

    [Fact]
    public async Task APoll_ReachesTheScheduler_AndItsAnswerTheWorker()
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync(WorkerRoutes.Poll("w1"), Answers.Json(Poll));
        var response = JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(), ContractsJson.Default.PollResponse)!;

        var request = Assert.IsType<PollRequest>(server.Scheduler.Commands.Single());
        Assert.Equal(["2.1.a"], response.Settled);
        Assert.Equal(300_000, response.TermMs);
        Assert.Equal(new StepKey("fold", new SplitPath(3), new SplitPath(0, 0, 1)), request.Held[0].Task.Step);
    }

    [Fact]
    public async Task WhatContractsWrites_TheGatewayReads()
    {
        await using var server = await Server.StartAsync();
        var resources = new ResourceSpec(2, 1 << 30, 0, 0);
        var request = new PollRequest
        {
            Worker = "w1",
            Boot = "b1",
            Sequence = 7,
            Capacity = resources,
            Free = resources,
            Draining = SpotInterruption.Draining("terminate", World.T0),
            Held = [new HeldLease(World.Task("fold", 1, 3), "3.0.a")],
            Finished =
            [
                new FinishedAttempt
                {
                    Task = World.Task("start", 0), Token = "1.0.a", Outcome = AttemptOutcome.Succeeded, EndedAt = World.T0, Output = "{}",
                    Artifacts = [new Artifact("a", 1)], ItemsFile = new FileItems("b", "i", 256), ItemsCount = 9,
                },
            ],
        };

        using var answer = await server.Client.PostAsync(WorkerRoutes.Poll("w1"), Answers.Json(JsonSerializer.Serialize(request, ContractsJson.Default.PollRequest)));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var read = Assert.IsType<PollRequest>(server.Scheduler.Commands.Single());
        Assert.Equal(request.Held, read.Held);
        Assert.Equal(request.Draining, read.Draining);
        Assert.Equal(request.Finished[0] with { Artifacts = null }, read.Finished[0] with { Artifacts = null });
    }

    [Theory]
    [InlineData("w 1:2/é")]
    [InlineData("a:b")]
    public async Task AWorkersName_MayBeOdd(string name)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.PostAsync(WorkerRoutes.Poll(name), Answers.Json(Poll.Replace("\"w1\"", JsonSerializer.Serialize(name), StringComparison.Ordinal)));

        // An encoded slash stays encoded in the path, so such a name is refused with a reason.
        if (name.Contains('/', StringComparison.Ordinal)) await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        else Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("\"worker\":\"w1\"", "\"worker\":\"w2\"", "worker")]
    [InlineData("\"boot\":\"b1\"", "\"boot\":\"\"", "boot")]
    [InlineData("\"boot\":\"b1\",", "", "boot")]
    [InlineData("\"boot\":\"b1\"", "\"boot\":null", "boot")]
    [InlineData("\"sequence\":1", "\"sequence\":0", "sequence")]
    [InlineData("\"sequence\":1", "\"sequence\":1.5", "sequence")]
    [InlineData("\"wait_ms\":1000", "\"wait_ms\":30001", "wait_ms")]
    [InlineData("\"max_leases\":4", "\"max_leases\":-1", "max_leases")]
    [InlineData("\"max_leases\":4", "\"max_leases\":0,\"draining\":\"\"", "draining")]
    [InlineData("\"max_leases\":4", "\"max_leases\":0,\"draining\":\"a\\nb\"", "draining")]
    [InlineData("[\"default\"]", "[null]", "queues[0]")]
    [InlineData("[\"default\"]", "[\"de fault\"]", "queues[0]")]
    [InlineData("\"cpu\":4", "\"cpu\":-4", "capacity")]
    [InlineData("\"cpu\":4,", "", "capacity.cpu")]
    [InlineData("\"step\":\"2:train\"", "\"step\":\"train\"", "finished[0].task.step")]
    [InlineData("\"step\":\"2:train\"", "\"step\":7", "finished[0].task.step")]
    [InlineData("\"split\":7", "\"split\":-7", "finished[0]")]
    [InlineData("\"outcome\":\"failed\"", "\"outcome\":1", "finished[0].outcome")]
    [InlineData("\"error\":{\"type\":\"exit\",\"message\":\"no\",\"exit_code\":1}", "\"error\":null", "finished[0]")]
    [InlineData("\"run\":\"r1\"", "\"run\":\"../r1\"", "held[0]")]
    [InlineData("\"queues\"", "\"queus\"", "queus")]
    public async Task APollThatIsWrong_NamesTheField(string right, string wrong, string field)
    {
        await using var server = await Server.StartAsync();
        Assert.Contains(right, Poll, StringComparison.Ordinal);

        using var answer = await server.Client.PostAsync("/api/v1/workers/w1:poll", Answers.Json(Poll.Replace(right, wrong, StringComparison.Ordinal)));

        Assert.Equal(field, (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
        Assert.Empty(server.Scheduler.Commands);
    }
}
