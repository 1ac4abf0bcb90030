using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Fanfare.Gateway.Tests;

public sealed class LeasesTests
{
    private static readonly TaskRef Task = World.Task("fold", 1, 3);

    private static readonly HeldLease Lease = new(Task, "3.2.a"), Stale = new(Task, "3.1.a");

    private static async Task<Server> StartAsync()
    {
        var server = await Server.StartAsync();
        server.Scheduler.Tokens[Lease.Token] = 2;
        return server;
    }

    private static ByteArrayContent Bytes(string text) => new(Encoding.UTF8.GetBytes(text));

    [Fact]
    public async Task AStaleLease_StoresNothing()
    {
        await using var server = await StartAsync();

        foreach (var path in new[] { WorkerRoutes.Log(Stale, 0), WorkerRoutes.Artifact(Stale, "a"), WorkerRoutes.Items(Stale) })
        {
            using var answer = await server.Client.PutAsync(path, Bytes("1\n"));
            await answer.ProblemAsync(HttpStatusCode.Conflict, "FAN0007");
        }
        using var inputs = await server.Client.GetAsync(WorkerRoutes.Inputs(Stale));
        await inputs.ProblemAsync(HttpStatusCode.Conflict, "FAN0007");
        Assert.Empty(server.Blobs.All);
    }

    [Fact]
    public async Task LogChunks_MayRepeat_AndAnswerTheSize()
    {
        await using var server = await StartAsync();

        async Task<string> PutAsync(long offset, string text)
        {
            using var answer = await server.Client.PutAsync(WorkerRoutes.Log(Lease, offset), Bytes(text));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return await answer.Content.ReadAsStringAsync();
        }

        Assert.Equal("4", await PutAsync(0, "one\n"));
        Assert.Equal("4", await PutAsync(0, "one\n"));
        Assert.Equal("4", await PutAsync(9, "gap\n"));
        Assert.Equal("8", await PutAsync(4, "two\n"));
        Assert.Equal("one\ntwo\n", Encoding.UTF8.GetString(server.Blobs.All[BlobNames.Log(Task, 2)]));
        using var beyond = await server.Client.PutAsync(WorkerRoutes.Log(Lease, 4 * Limits.LogBytes), Bytes("x"));
        await beyond.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "FAN0009");
    }

    [Fact]
    public async Task AnArtifact_IsStoredUnderItsAttempt()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PutAsync(WorkerRoutes.Artifact(Lease, "plots/loss 1.png"), Bytes("png"));

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("png", Encoding.UTF8.GetString(server.Blobs.All[BlobNames.Artifact(Task, 2, "plots/loss 1.png")]));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData("a\\b")]
    [InlineData("a/./b")]
    public async Task AnArtifactsName_StaysInItsFolder(string name)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PutAsync(WorkerRoutes.Artifact(Lease, name), Bytes("x"));

        Assert.Equal("name", (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
        Assert.Empty(server.Blobs.All);
    }

    [Fact]
    public async Task APublishedArtifact_IsThatOfAnAcceptedAttempt()
    {
        await using var server = await StartAsync();
        var start = World.Task("start", 0);
        server.Blobs.All[BlobNames.Artifact(start, 0, "a")] = [1, 2];
        server.Blobs.All[BlobNames.Artifact(World.Task("train", 7), 1, "a")] = [3];

        var bytes = await server.Client.GetByteArrayAsync(WorkerRoutes.PublishedArtifact(start, 0, "a"));
        using var failed = await server.Client.GetAsync(WorkerRoutes.PublishedArtifact(World.Task("train", 7), 1, "a"));
        using var gone = await server.Client.GetAsync(WorkerRoutes.PublishedArtifact(start, 0, "b"));

        Assert.Equal([1, 2], bytes);
        await failed.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
        await gone.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }

    [Fact]
    public async Task Inputs_ComeAsJsonLines()
    {
        await using var server = await StartAsync();
        server.Scheduler.Inputs.AddRange(Enumerable.Range(0, 1000).Select(i => new LeaseInput($"train[{i}]", World.Key("train"), i, 0, new SplitPath(i), "{}", null)));

        var lines = (await server.Client.GetStringAsync(WorkerRoutes.Inputs(Lease))).Split('\n');

        Assert.Equal(1001, lines.Length);
        Assert.Equal(999, JsonSerializer.Deserialize(lines[999], ContractsJson.Default.LeaseInput)!.Split);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("default/run/r1")]
    [InlineData("default/step/r1/train")]
    [InlineData("default/step/r1/-1:train")]
    [InlineData("default/step/r1/2000000000:train")]
    [InlineData("default/step/r1/2:train#0")]
    [InlineData("default/step/../2:train")]
    [InlineData("default/step/r1/2:")]
    [InlineData("/step/r1/2:train")]
    public async Task ATaskThatIsNoStepsStream_IsRefused(string task)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.GetAsync($"/api/v1/leases/inputs?task={Uri.EscapeDataString(task)}&split=0&token=x");

        Assert.Equal("task", (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
    }

    [Theory]
    [InlineData("split=0&token=x", "task")]
    [InlineData("task=default/step/r1/1:start&token=x", "split")]
    [InlineData("task=default/step/r1/1:start&split=0", "token")]
    [InlineData("task=default/step/r1/1:start&split=-1&token=x", "split")]
    public async Task AllPartsOfALease_AreNeeded(string query, string field)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.GetAsync("/api/v1/leases/inputs?" + query);

        Assert.Equal(field, (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Items_AreCountedAndIndexed(bool newlineAtTheEnd)
    {
        await using var server = await StartAsync();
        var lines = Enumerable.Range(0, 1000).Select(i => i % 3 == 0 ? $"{i}" : $"{{\"name\":\"é{i}\"}}").ToList();
        var text = string.Join('\n', lines) + (newlineAtTheEnd ? "\n" : "");

        using var answer = await server.Client.PutAsync(WorkerRoutes.Items(Lease), Bytes(text));
        var uploaded = JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(), ContractsJson.Default.ItemsUploaded)!;

        Assert.Equal(new ItemsUploaded(new FileItems(BlobNames.Items(Task, 2), BlobNames.ItemsIndex(Task, 2), 256), 1000), uploaded);
        var stored = server.Blobs.All[uploaded.Items.Blob];
        var index = server.Blobs.All[uploaded.Items.Index];
        Assert.Equal(text, Encoding.UTF8.GetString(stored));
        Assert.Equal(4 * sizeof(long), index.Length);
        for (var chunk = 0; chunk < 4; chunk++)
        {
            var offset = (int)BinaryPrimitives.ReadInt64LittleEndian(index.AsSpan(chunk * sizeof(long)));
            Assert.Equal(lines[chunk * 256], Encoding.UTF8.GetString(stored[offset..]).Split('\n')[0]);
        }
    }

    [Fact]
    public async Task NoItems_AreAListOfNone()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PutAsync(WorkerRoutes.Items(Lease), Bytes(""));

        Assert.Equal(0, (await answer.JsonAsync()).GetProperty("count").GetInt32());
    }

    [Theory]
    [InlineData("1\n\n2\n", "line 2")]
    [InlineData("1\n2\n\n", "line 3")]
    [InlineData("1\n{\"a\":\n2}\n", "line 2")]
    [InlineData("1 2\n", "line 1")]
    [InlineData("\"\\ud800\"\n", "line 1")]
    [InlineData("NaN\n", "line 1")]
    public async Task AnItemThatIsNotJson_StoresNothing_AndNamesTheLine(string text, string line)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PutAsync(WorkerRoutes.Items(Lease), Bytes(text));

        Assert.Equal(line, (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
        Assert.Empty(server.Blobs.All);
    }

    [Fact]
    public async Task AnItemBeyondTheLimit_IsTooLarge()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PutAsync(WorkerRoutes.Items(Lease), Bytes($"1\n\"{new string('x', Limits.OutputBytes)}\"\n"));

        Assert.Equal("line 2", (await answer.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "FAN0009")).Field());
        Assert.Empty(server.Blobs.All);
    }

    [Fact]
    public async Task APackage_IsStoredUnderItsOwnDigestOnly()
    {
        await using var server = await StartAsync();
        var content = RandomNumberGenerator.GetBytes(300_000);
        var digest = Convert.ToHexStringLower(SHA256.HashData(content));

        using var wrong = await server.Client.PutAsync(WorkerRoutes.Package(new string('0', 64)), new ByteArrayContent(content));
        Assert.Empty(server.Blobs.All);
        using var created = await server.Client.PutAsync(WorkerRoutes.Package(digest), new ByteArrayContent(content));
        using var again = await server.Client.PutAsync(WorkerRoutes.Package(digest), new ByteArrayContent([1]));
        using var head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, WorkerRoutes.Package(digest)));

        Assert.Contains(digest, (await wrong.ProblemAsync(HttpStatusCode.BadRequest, "FAN0016")).Remedy(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
        Assert.Equal(content.Length, head.Content.Headers.ContentLength);
        Assert.Equal(content, await server.Client.GetByteArrayAsync(WorkerRoutes.Package(digest)));
    }

    [Theory]
    [InlineData("PUT", "nonsense", HttpStatusCode.BadRequest)]
    [InlineData("PUT", "ABCDEFabcdefABCDEFabcdefABCDEFabcdefABCDEFabcdefABCDEFabcdef0000", HttpStatusCode.BadRequest)]
    [InlineData("GET", "nonsense", HttpStatusCode.NotFound)]
    public async Task ADigest_Is64LowerCaseDigits(string method, string digest, HttpStatusCode status)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), WorkerRoutes.Package(digest)));

        Assert.Equal(status, answer.StatusCode);
    }
}
