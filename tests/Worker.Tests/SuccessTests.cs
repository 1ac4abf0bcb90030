using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

public sealed class SuccessTests
{
    [Fact]
    public async Task ATask_ThatWritesOutputArtifactsAndLog_IsReportedWithAllOfThem()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task("""
            echo hello; echo oops >&2
            echo '{"rows": 3}' > "$FANFARE_OUTPUT"
            mkdir "$FANFARE_ARTIFACTS/sub"; printf abc > "$FANFARE_ARTIFACTS/sub/data.bin"; ln -s sub/data.bin "$FANFARE_ARTIFACTS/link"
            """);

        gateway.Offer(lease);
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Null(end.Error);
        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        Assert.Equal("""{"rows": 3}""", end.Output);
        Assert.Equal([new Artifact("link", 3), new Artifact("sub/data.bin", 3)], end.Artifacts!);
        Assert.Equal("abc", Encoding.UTF8.GetString(gateway.Artifacts[$"{lease.Token}/sub/data.bin"]));
        Assert.True(end.StartedAt <= end.EndedAt);
        // Delivered before the result was.
        Assert.Equal([("err", "oops"), ("out", "hello")], gateway.Log(lease.Token).Select(l => (l.Stream, l.Text)).Order());
    }

    [Fact]
    public async Task ATask_FindsItsIdentityParametersAndInputs()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var source = new StepKey("load", new SplitPath(3), new SplitPath(0, 0, 0));
        var task = new TaskRef("default", "run1", new StepKey("train", new SplitPath(3), new SplitPath(0, 0, 0)), 1);
        gateway.Published[$"{new TaskRef("default", "run1", source, 1).Stream}|1|2|a/model.bin"] = [1, 2, 3, 4];
        var lease = A.Task("""
            cp "$FANFARE_INPUT" "$FANFARE_ARTIFACTS/input.json"
            env | sort > "$FANFARE_ARTIFACTS/env"
            cat "$FANFARE_INPUT_ARTIFACTS/load/3.1/a/model.bin" > "$FANFARE_ARTIFACTS/model"
            readlink /proc/self/fd/0
            """,
            s => s with { Name = "train", Env = [new EnvSpec("MODE", "fast", null), new EnvSpec("FANFARE_RUN", "forged", null)] },
            l => l with
            {
                Task = task,
                Name = "train[3,1]",
                Attempt = 4,
                Item = """{"file":"x.csv"}""",
                Parameters = """{"learning-rate":0.5,"name":"Ada \"L\"","list":[1,2]}""",
                Inputs = [new LeaseInput("load[3,1]", source, 1, 2, new SplitPath(3, 1), """{"n":1}""", [new Artifact("a/model.bin", 4)])],
                RunError = new TaskError("exit", "it broke", 2),
                Failures = 1,
                WasLost = true,
            });

        gateway.Offer(lease);
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Null(end.Error);
        var environment = Encoding.UTF8.GetString(gateway.Artifacts[$"{lease.Token}/env"]).Split('\n').Where(l => l.Contains('=')).ToDictionary(l => l[..l.IndexOf('=')], l => l[(l.IndexOf('=') + 1)..]);
        Assert.Equal("run1", environment["FANFARE_RUN"]);
        Assert.Equal("flow", environment["FANFARE_FLOW"]);
        Assert.Equal("3", environment["FANFARE_DEPLOYMENT"]);
        Assert.Equal("default", environment["FANFARE_NAMESPACE"]);
        Assert.Equal("train", environment["FANFARE_STEP"]);
        Assert.Equal("train[3,1]", environment["FANFARE_TASK"]);
        Assert.Equal("3,1", environment["FANFARE_SPLIT"]);
        Assert.Equal("4", environment["FANFARE_ATTEMPT"]);
        Assert.Equal(("1", "1"), (environment["FANFARE_FAILURES"], environment["FANFARE_LOST"]));
        Assert.Equal("0.5", environment["FANFARE_PARAM_LEARNING_RATE"]);
        Assert.Equal("Ada \"L\"", environment["FANFARE_PARAM_NAME"]);
        Assert.Equal("[1,2]", environment["FANFARE_PARAM_LIST"]);
        Assert.Equal("fast", environment["MODE"]);
        Assert.Equal("1", environment["PYTHONUNBUFFERED"]);
        Assert.Equal(gateway.Address.ToString().TrimEnd('/'), environment["FANFARE_URL"]);
        Assert.Equal([1, 2, 3, 4], gateway.Artifacts[$"{lease.Token}/model"]);
        Assert.Equal("/dev/null", Assert.Single(gateway.Log(lease.Token)).Text);

        using var input = JsonDocument.Parse(gateway.Artifacts[$"{lease.Token}/input.json"]);
        var root = input.RootElement;
        Assert.Equal("train[3,1]", root.GetProperty("task").GetString());
        Assert.Equal("[3,1]", root.GetProperty("splits").GetRawText());
        Assert.Equal("""{"file":"x.csv"}""", root.GetProperty("item").GetRawText());
        Assert.Equal(0.5, root.GetProperty("parameters").GetProperty("learning-rate").GetDouble());
        Assert.Equal("it broke", root.GetProperty("error").GetProperty("message").GetString());
        var one = root.GetProperty("inputs")[0];
        Assert.Equal("load", one.GetProperty("step").GetString());
        Assert.Equal("[3,1]", one.GetProperty("splits").GetRawText());
        Assert.Equal(2, one.GetProperty("attempt").GetInt32());
        Assert.Equal(1, one.GetProperty("outputs").GetProperty("n").GetInt32());
        Assert.Equal("""[{"name":"a/model.bin","bytes":4}]""", one.GetProperty("artifacts").GetRawText());
    }

    [Fact]
    public async Task InputsThatAreNotInTheLease_ComeAsALinesFile()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task("""
            python3 - <<'EOF'
            import json, os
            doc = json.load(open(os.environ["FANFARE_INPUT"]))
            assert "inputs" not in doc
            rows = [json.loads(line) for line in open(doc["inputs_file"])]
            json.dump({"rows": len(rows), "sum": sum(r["outputs"]["n"] for r in rows), "last": rows[-1]["task"]}, open(os.environ["FANFARE_OUTPUT"], "w"))
            EOF
            """, null, l => l with { Inputs = null });
        gateway.Inputs[lease.Token] = [.. Enumerable.Range(0, 20_000).Select(i =>
            new LeaseInput($"body[{i}]", new StepKey("body", SplitPath.Empty, new SplitPath(0, 0)), i, 0, new SplitPath(i), $$"""{"n":{{i}},"pad":"{{new string('x', 60)}}"}""", null))];

        gateway.Offer(lease);
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Null(end.Error);
        Assert.Equal("""{"rows": 20000, "sum": 199990000, "last": "body[19999]"}""", end.Output);
    }

    [Fact]
    public async Task AForeachOverAFile_UploadsItsLines()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task("""printf '{"i":1}\n{"i":2}\n' > "$FANFARE_ARTIFACTS/items.jsonl" """, s => s with { Next = new Foreach("body", new OverFile("items.jsonl")) });

        gateway.Offer(lease);
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Null(end.Error);
        Assert.Equal(2, end.ItemsCount);
        Assert.Equal(new FileItems("items", "index", 1000), end.ItemsFile);
    }

    [Fact]
    public async Task ATaskWithoutOutput_PutsOutNull()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task(": > \"$FANFARE_OUTPUT\"");

        gateway.Offer(lease);
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        Assert.Null(end.Output);
        Assert.Null(end.Artifacts);
    }

    [Fact]
    public async Task NoOps_SucceedInBatches_WithFewRoundTrips()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway], o => o with { Capacity = new ResourceSpec(256, 0, 0, 0) }, new NoOpExecutor(TimeProvider.System));
        var leases = Enumerable.Range(0, 2560).Select(_ => A.Task("unused")).ToArray();

        gateway.Offer(leases);
        await gateway.UntilAsync(() => gateway.Finished.Count == leases.Length, "all no-ops");

        Assert.InRange(gateway.Polls.Count, 10, 60);
        Assert.All(gateway.Reports.Values, n => Assert.Equal(1, n));
    }
}
