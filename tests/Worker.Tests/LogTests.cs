using System.Text;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

public sealed class LogTests : IAsyncLifetime
{
    private FakeGateway _gateway = null!;
    private TestWorker _worker = null!;

    public async Task InitializeAsync()
    {
        _gateway = await FakeGateway.StartAsync();
        _worker = new TestWorker([_gateway], o => o with { SecretsDirectory = Path.Combine(Path.GetTempPath(), "fanfare-secrets-of-log-tests") });
    }

    public async Task DisposeAsync()
    {
        await _worker.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task BytesThatAreNoUtf8_ComeThroughAsReplacements()
    {
        var lease = await RunAsync(@"printf 'a\377b\r\nlast without end'");

        Assert.Equal(["a\uFFFDb", "last without end"], _gateway.Log(lease.Token).Select(l => l.Text));
    }

    [Fact]
    public async Task LinesArriveWhileTheTaskRuns()
    {
        var go = Path.Combine(_worker.Root, "go");
        var lease = A.Task($"echo one; while [ ! -e {go} ]; do sleep 0.02; done; echo two");
        _gateway.Offer(lease);

        await _gateway.UntilAsync(() => _gateway.Log(lease.Token).Any(l => l.Text == "one"), "the first line");
        Assert.False(_gateway.Finished.ContainsKey(lease.Token));
        await File.WriteAllTextAsync(go, "");
        await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(["one", "two"], _gateway.Log(lease.Token).Select(l => l.Text));
    }

    [Fact]
    public async Task ALineWithoutEnd_IsCut_AndSaysSo()
    {
        var lease = await RunAsync("head -c 300000 /dev/zero | tr '\\0' x; echo; echo after");

        var log = _gateway.Log(lease.Token);
        Assert.Equal(2, log.Count);
        Assert.StartsWith(new string('x', Limits.LogLineBytes), log[0].Text);
        Assert.EndsWith("[cut: a line is kept up to 65536 bytes]", log[0].Text);
        Assert.Equal("after", log[1].Text);
    }

    [Fact]
    public async Task GigabytesOfOutput_AreReadToTheEnd_AndKeptUpToTheLimit()
    {
        var lease = await RunAsync("yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 2000000000; echo oops >&2; exit 3", 120);

        Assert.Equal("exit", _gateway.Finished[lease.Token].Error!.Type);
        var log = _gateway.Log(lease.Token);
        Assert.InRange(_gateway.Logs[lease.Token].Length, Limits.LogBytes / 2, Limits.LogBytes + 4096);
        Assert.Single(log, l => l.Stream == "fanfare" && l.Text.Contains("64 MiB are kept"));
        Assert.Single(log, l => l.Stream == "err" && l.Text == "oops");
    }

    [Fact]
    public async Task SecretsReachTheTask_AndAreMaskedInItsLogAndErrors()
    {
        var directory = Path.Combine(Path.GetTempPath(), "fanfare-secrets-of-log-tests");
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(Path.Combine(directory, "db-key"), "line-one-of-key\nline-two-of-key\n");
        Environment.SetEnvironmentVariable("FANFARE_SECRET_API_KEY", "hunter2-äö");
        Environment.SetEnvironmentVariable("FANFARE_TOKEN", "the-workers-own");
        Environment.SetEnvironmentVariable("PRIVATE_THING", "not-for-tasks");
        try
        {
            var lease = await RunAsync(
                "echo \"key=$KEY\"; echo \"$DB\"; env > $FANFARE_ARTIFACTS/env; echo \"bad $KEY\" >&2; printf '%s' \"$KEY\" | wc -c",
                step: s => s with { Env = [new EnvSpec("KEY", null, "api-key"), new EnvSpec("DB", null, "db-key")] });

            Assert.Equal(["key=***", "***", "***", "bad ***", "12"], _gateway.Log(lease.Token).OrderBy(l => l.Stream == "err" ? 1 : 0).Select(l => l.Text).Where(t => t != "12").Append("12"));
            var environment = Encoding.UTF8.GetString(_gateway.Artifacts[$"{lease.Token}/env"]);
            Assert.Contains("KEY=hunter2-äö", environment);
            Assert.DoesNotContain("FANFARE_SECRET", environment);
            Assert.DoesNotContain("FANFARE_TOKEN", environment);
            Assert.DoesNotContain("PRIVATE_THING", environment);

            var failing = await RunAsync("echo \"bad $KEY\" >&2; exit 1", step: s => s with { Env = [new EnvSpec("KEY", null, "api-key")] });
            Assert.EndsWith("bad ***", _gateway.Finished[failing.Token].Error!.Message);

            var unknown = await RunAsync("true", step: s => s with { Env = [new EnvSpec("KEY", null, "no-such")] });
            Assert.Equal("start_failed", _gateway.Finished[unknown.Token].Error!.Type);
            Assert.Contains("FANFARE_SECRET_NO_SUCH", _gateway.Finished[unknown.Token].Error!.Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable("FANFARE_SECRET_API_KEY", null);
            Environment.SetEnvironmentVariable("FANFARE_TOKEN", null);
            Environment.SetEnvironmentVariable("PRIVATE_THING", null);
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task LogsWrittenWhileTheGatewayIsAway_ArriveWhole()
    {
        var go = Path.Combine(_worker.Root, "go");
        var lease = A.Task($"echo first; while [ ! -e {go} ]; do sleep 0.02; done; seq 1 50000");
        _gateway.Offer(lease);
        await _gateway.UntilAsync(() => _gateway.Log(lease.Token).Count > 0, "the first line");

        await _gateway.DownAsync();
        await File.WriteAllTextAsync(go, "");
        await _gateway.UpAsync();
        var end = await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        Assert.Equal(["first", .. Enumerable.Range(1, 50000).Select(i => $"{i}")], _gateway.Log(lease.Token).Select(l => l.Text));
        Assert.InRange(_gateway.LogPuts[lease.Token], 2, 100);
    }

    private async Task<Lease> RunAsync(string shell, double seconds = 20, Func<StepSpec, StepSpec>? step = null)
    {
        var lease = A.Task(shell, step);
        _gateway.Offer(lease);
        await _gateway.FinishedAsync(lease.Token, seconds);
        return lease;
    }
}
