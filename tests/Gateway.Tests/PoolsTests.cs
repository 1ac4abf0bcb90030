using System.Net;

namespace Fanfare.Gateway.Tests;

public sealed class PoolsTests
{
    private const string Gpu =
        """{"spec":{"name":"gpu","provider":"local","queues":["gpu"],"machine":{"cpu":8,"memory_bytes":34359738368,"gpu":1,"disk_bytes":0},"min":0,"max":3,"spare":0,"idle":"00:01:00","register_within":"00:10:00","lifetime":"1.00:00:00"},"version":2,"setting":{"actor":"ada","at":"2026-01-31T18:00:00+00:00"},"wanted":2,"machines":[{"machine":"m1","state":"busy","type":"process","zone":"","capacity":"on_demand","launched_at":"2026-01-31T18:00:00+00:00","tasks":4},{"machine":"m2","state":"draining","type":"process","zone":"","capacity":"on_demand","launched_at":"2026-01-31T18:00:00+00:00","tasks":1,"why":"it is older than 1d"}],"why":["It has as many machines as it may have: 3."]}""";

    [Fact]
    public async Task Pools_AreListedByName_AndShown_WithTheirMachines()
    {
        await using var server = await StartAsync("cpu", "gpu", "tiny");

        var all = await (await server.Client.GetAsync("/api/v1/pools")).JsonAsync();
        var first = await (await server.Client.GetAsync("/api/v1/pools?limit=2")).JsonAsync();
        var second = await (await server.Client.GetAsync($"/api/v1/pools?limit=2&cursor={first.GetProperty("next").GetString()}")).JsonAsync();
        using var shown = await server.Client.GetAsync("/api/v1/pools/gpu");

        Assert.Equal(["cpu", "gpu", "tiny"], NamesOf(all));
        Assert.Equal(["cpu", "gpu"], NamesOf(first));
        Assert.Equal(["tiny"], NamesOf(second));
        Assert.False(second.TryGetProperty("next", out _));
        Assert.Equal(Gpu, all.GetProperty("items")[1].GetRawText());
        Assert.Equal(Gpu, await shown.Content.ReadAsStringAsync());
        await (await server.Client.GetAsync("/api/v1/pools?cursor=nonsense")).ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
    }

    [Fact]
    public async Task APool_ThatThereIsNot_IsNotFound()
    {
        await using var server = await StartAsync("cpu", "gpu");
        // Its last machine ended after it was listed.
        server.Scheduler.Pools.TryRemove("cpu", out _);

        Assert.Equal(["gpu"], NamesOf(await (await server.Client.GetAsync("/api/v1/pools")).JsonAsync()));
        foreach (var path in new[] { "cpu", "nobody", "a%20b", "%E2%98%83" })
        {
            var problem = await (await server.Client.GetAsync("/api/v1/pools/" + path)).ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
            Assert.StartsWith("There is no pool '", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
        await (await server.Client.DeleteAsync("/api/v1/pools/a%20b")).ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
        server.Scheduler.Refusal = new RefusedException(RefusalKind.NotFound, "FAN0002", "There is no pool 'nobody'.");
        await (await server.Client.DeleteAsync("/api/v1/pools/nobody")).ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }

    [Fact]
    public async Task APool_IsSet_ByItsFile()
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "ada@example");

        using var made = await server.Client.PutAsync("/api/v1/pools/gpu", Answers.Json("""{"source":"pool gpu"}"""));
        server.Scheduler.New = false;
        using var again = await server.Client.PutAsync("/api/v1/pools/gpu", new StringContent("pool gpu", Encoding.UTF8, "application/yaml"));

        Assert.Equal((HttpStatusCode.OK, """{"pool":"gpu","version":3,"new":true}"""), (made.StatusCode, await made.Content.ReadAsStringAsync()));
        Assert.Equal((HttpStatusCode.OK, """{"pool":"gpu","version":3,"new":false}"""), (again.StatusCode, await again.Content.ReadAsStringAsync()));
        Assert.Equal([("ada@example", "gpu", 3), ("ada@example", "gpu", 3)], server.Scheduler.Commands.Cast<SetPool>().Select(command => (command.Actor, command.Spec.Name, command.Spec.Max)));
    }

    [Fact]
    public async Task AFileWithErrors_IsRefused_WithAllOfThem()
    {
        await using var server = await Server.StartAsync();

        var problem = await (await server.Client.PutAsync("/api/v1/pools/gpu", Answers.Json("""{"source":"nonsense"}"""))).ProblemAsync(HttpStatusCode.BadRequest, "FAN0020");
        Assert.Equal("The pool has 2 errors.", problem.GetProperty("detail").GetString());
        Assert.Equal("""{"field":"spare","message":"It is 5 machines, and the pool has at most 3.","remedy":"Lower it, or raise 'max'.","line":4,"column":8}""", problem.GetProperty("errors")[0].GetRawText());
        Assert.False(problem.GetProperty("errors")[1].TryGetProperty("line", out _));

        var other = await (await server.Client.PutAsync("/api/v1/pools/cpu", Answers.Json("""{"source":"pool gpu"}"""))).ProblemAsync(HttpStatusCode.BadRequest, "FAN0020");
        Assert.Equal(("name", "is 'gpu', and the address names 'cpu'"), (other.Field(), other.GetProperty("errors")[0].GetProperty("message").GetString()));

        await (await server.Client.PutAsync("/api/v1/pools/gpu", Answers.Json("""{"sourse":"pool gpu"}"""))).ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        await (await server.Client.PutAsync("/api/v1/pools/gpu", new StringContent("pool gpu", Encoding.UTF8, "text/plain"))).ProblemAsync(HttpStatusCode.UnsupportedMediaType, "FAN0011");
        await (await server.Client.PutAsync("/api/v1/pools/gpu?namespace=ml", Answers.Json("""{"source":"pool gpu"}"""))).ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        await (await server.Client.PutAsync("/api/v1/pools/gpu", new StringContent(new string('x', Limits.SpecBytes + 1), Encoding.UTF8, "application/yaml"))).ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "FAN0009");
        Assert.Empty(server.Scheduler.Commands);

        // What no server here makes, for instance.
        server.Scheduler.Refusal = new RefusedException(RefusalKind.Invalid, "FAN0001", "provider: this server makes no machines of EC2 (ec2).");
        await (await server.Client.PutAsync("/api/v1/pools/gpu", Answers.Json("""{"source":"pool gpu"}"""))).ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
    }

    [Fact]
    public async Task APool_IsDeleted()
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "ada@example");

        using var answer = await server.Client.DeleteAsync("/api/v1/pools/gpu");

        Assert.Equal((HttpStatusCode.OK, """{"pool":"gpu","version":3,"new":true}"""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        Assert.Equal([new DeletePool("ada@example", "gpu")], server.Scheduler.Commands.Cast<DeletePool>());
    }

    private static IReadOnlyList<string?> NamesOf(JsonElement page) => [.. page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("spec").GetProperty("name").GetString())];

    private static async Task<Server> StartAsync(params string[] pools)
    {
        var server = await Server.StartAsync();
        foreach (var pool in pools)
        {
            var info = World.Pool(pool);
            server.Scheduler.Pools[pool] = info;
            server.Reads.Change(() => server.Reads.Pools.Add(new PoolRow(pool, new PoolStanding(info.Version, info.Spec, info.Setting, null))));
        }
        return server;
    }
}
