using System.Security.Cryptography;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>Bytes on their way, while things go wrong.</summary>
public sealed class TransferTests
{
    [Fact]
    public async Task LargeArtifacts_GoAndComeWhole_AndManyOfThem()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var maker = A.Task("""
            head -c 50000000 /dev/urandom > "$FANFARE_ARTIFACTS/big"
            sha256sum < "$FANFARE_ARTIFACTS/big" | cut -c1-64
            cd "$FANFARE_ARTIFACTS"; : > empty; for i in $(seq 1 200); do echo $i > "n$i"; done
            """);
        gateway.Offer(maker);
        var made = await gateway.FinishedAsync(maker.Token);

        Assert.Equal(202, made.Artifacts!.Count);
        Assert.Equal(0, made.Artifacts.Single(a => a.Name == "empty").Bytes);
        var digest = Convert.ToHexStringLower(SHA256.HashData(gateway.Artifacts[$"{maker.Token}/big"]));
        Assert.Equal(digest, gateway.Log(maker.Token).Single().Text);

        var key = new StepKey("make", SplitPath.Empty, new SplitPath(0));
        foreach (var artifact in made.Artifacts)
            gateway.Published[$"{new TaskRef("default", "run1", key, 0).Stream}|0|0|{artifact.Name}"] = gateway.Artifacts[$"{maker.Token}/{artifact.Name}"];
        var taker = A.Task("cd $FANFARE_INPUT_ARTIFACTS/make/-; sha256sum < big | cut -c1-64; ls | wc -l", null, l => l with { Inputs = [new LeaseInput("make", key, 0, 0, SplitPath.Empty, null, made.Artifacts)] });
        gateway.Offer(taker);
        await gateway.FinishedAsync(taker.Token);

        Assert.Equal([digest, "202"], gateway.Log(taker.Token).Select(l => l.Text));
    }

    [Fact]
    public async Task ArtifactsOfATaskThatEndedWhileTheGatewayWasAway_AreUploadedBeforeItsResult()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task($"echo $$ > {worker.Root}/pid; while [ ! -e {worker.Root}/go ]; do sleep 0.02; done; echo data > $FANFARE_ARTIFACTS/a");
        gateway.Offer(lease);
        var pid = await Procs.PidFromAsync($"{worker.Root}/pid");
        await gateway.DownAsync();
        await File.WriteAllTextAsync($"{worker.Root}/go", "");
        await Procs.GoneAsync(pid);
        gateway.Refuses = 503;
        await gateway.UpAsync();
        await gateway.UntilAsync(() => gateway.RefusedCount > 2, "refusals");
        gateway.Refuses = null;

        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Equal([new Artifact("a", 5)], end.Artifacts!);
        Assert.Equal(5, gateway.Artifacts[$"{lease.Token}/a"].Length);
    }

    [Fact]
    public async Task ACancel_ReachesATaskThatStillWaitsForItsPackage()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var digest = new string('c', 64);
        var asked = gateway.HeldPackages[digest] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task("true", null, l => l with { Package = digest });
        gateway.Offer(lease);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60));

        gateway.Cancel(lease.Token);
        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Cancelled, end.Outcome);
        Assert.Null(end.StartedAt);
    }

    [Fact]
    public async Task AnInputArtifactThatIsGone_LosesTheAttempt()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var key = new StepKey("make", SplitPath.Empty, new SplitPath(0));
        var lease = A.Task("true", null, l => l with { Inputs = [new LeaseInput("make", key, 0, 0, SplitPath.Empty, null, [new Artifact("gone", 3)])] });
        gateway.Offer(lease);

        var end = await gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Lost, end.Outcome);
        Assert.Contains("gone", end.Error!.Message);
    }

    [Fact]
    public async Task AParameterTooLargeForAVariable_IsLeftToTheInputFile()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var lease = A.Task(
            "python3 -c \"import json,os; assert 'FANFARE_PARAM_BIG' not in os.environ; print(len(json.load(open(os.environ['FANFARE_INPUT']))['parameters']['big']))\"",
            null, l => l with { Parameters = $$"""{"big":"{{new string('x', 200_000)}}"}""" });
        gateway.Offer(lease);

        Assert.Null((await gateway.FinishedAsync(lease.Token)).Error);
        Assert.Equal(["fanfare", "out"], gateway.Log(lease.Token).Select(l => l.Stream));
        Assert.Equal("200000", gateway.Log(lease.Token)[1].Text);
    }

    [Fact]
    public async Task ASecretAtTheCutOfALine_IsNotShownInPart()
    {
        Environment.SetEnvironmentVariable("FANFARE_SECRET_CUT_KEY", "abcdefghijklmnopqrstuvwxyz");
        try
        {
            await using var gateway = await FakeGateway.StartAsync();
            await using var worker = new TestWorker([gateway]);
            // Secrets before it shorten what is kept, so that the one across the cut would move into view.
            var lease = A.Task($"python3 -c \"import os; k=os.environ['K']; print(k*20 + 'x'*({Limits.LogLineBytes}-20*26-13) + k*50)\"", s => s with { Env = [new EnvSpec("K", null, "cut-key")] });
            gateway.Offer(lease);
            await gateway.FinishedAsync(lease.Token);

            var line = Assert.Single(gateway.Log(lease.Token)).Text;
            Assert.StartsWith("***", line);
            Assert.EndsWith("bytes]", line);
            Assert.DoesNotContain("abc", line);
        }
        finally
        {
            Environment.SetEnvironmentVariable("FANFARE_SECRET_CUT_KEY", null);
        }
    }
}
