using System.Text;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

public sealed class FailureTests : IAsyncLifetime
{
    private FakeGateway _gateway = null!;
    private TestWorker _worker = null!;

    public async Task InitializeAsync()
    {
        _gateway = await FakeGateway.StartAsync();
        _worker = new TestWorker([_gateway]);
    }

    public async Task DisposeAsync()
    {
        await _worker.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task ANonZeroExit_FailsWithItsCodeAndTheLastLinesOfStderr()
    {
        var end = await RunAsync("for i in $(seq 1 30); do echo line $i >&2; done; echo '{}' > $FANFARE_OUTPUT; touch $FANFARE_ARTIFACTS/a; exit 7");

        Assert.Equal(AttemptOutcome.Failed, end.Outcome);
        Assert.Equal("exit", end.Error!.Type);
        Assert.Equal(7, end.Error.ExitCode);
        Assert.EndsWith("line 29\nline 30", end.Error.Message);
        Assert.DoesNotContain("line 20\n", end.Error.Message);
        Assert.Null(end.Output);
        Assert.Null(end.Artifacts);
        Assert.Empty(_gateway.Artifacts);
    }

    [Fact]
    public async Task AnEndBySignal_NamesTheSignal()
    {
        var end = await RunAsync("kill -SEGV $$");

        Assert.Equal("exit", end.Error!.Type);
        Assert.Equal(139, end.Error.ExitCode);
        Assert.Contains("SIGSEGV", end.Error.Message);
    }

    [Fact]
    public async Task ALongErrorText_IsCut()
    {
        var end = await RunAsync("head -c 20000 /dev/zero | tr '\\0' x >&2; exit 1");

        Assert.InRange(end.Error!.Message.Length, 1000, Limits.ErrorChars);
    }

    [Theory]
    [InlineData("printf '[1]' > $FANFARE_OUTPUT", "bad_output", "JSON array")]
    [InlineData("printf '{\"a\":' > $FANFARE_OUTPUT", "bad_output", "not JSON")]
    [InlineData("printf '{\"a\":\"\\377\"}' > $FANFARE_OUTPUT", "bad_output", "UTF-8")]
    [InlineData("printf '{\"a\":[\"\\\\udc80\"]}' > $FANFARE_OUTPUT", "bad_output", "surrogate")]
    [InlineData("mkfifo $FANFARE_OUTPUT", "bad_output", "regular file")]
    [InlineData("mkdir $FANFARE_OUTPUT", "bad_output", "directory")]
    [InlineData("head -c 262145 /dev/zero | tr '\\0' ' ' > $FANFARE_OUTPUT", "output_too_large", "262145")]
    [InlineData("ln -s /etc/passwd $FANFARE_ARTIFACTS/p", "bad_artifact", "leaves")]
    [InlineData("ln -s . $FANFARE_ARTIFACTS/self", "bad_artifact", "no file")]
    [InlineData("ln -s /etc $FANFARE_ARTIFACTS/d", "bad_artifact", "no file")]
    [InlineData("ln -s nowhere $FANFARE_ARTIFACTS/d", "bad_artifact", "no file")]
    [InlineData("mkfifo $FANFARE_ARTIFACTS/fifo", "bad_artifact", "regular file")]
    [InlineData("touch $FANFARE_ARTIFACTS/'a\\b'", "bad_artifact", "cannot be published")]
    [InlineData("rmdir $FANFARE_ARTIFACTS; ln -s /etc $FANFARE_ARTIFACTS", "bad_artifact", "replaced by a link")]
    public async Task AResultThatBreaksARule_FailsTheAttempt_AndSaysWhich(string shell, string type, string words)
    {
        var end = await RunAsync(shell);

        Assert.Equal(AttemptOutcome.Failed, end.Outcome);
        Assert.Equal(type, end.Error!.Type);
        Assert.Contains(words, end.Error.Message);
        Assert.DoesNotContain(_gateway.Artifacts.Values, b => Encoding.UTF8.GetString(b).Contains("root:"));
    }

    [Fact]
    public async Task AnOutputOfTheLargestSize_IsTaken()
    {
        var end = await RunAsync("python3 -c \"import os;open(os.environ['FANFARE_OUTPUT'],'w').write('{\\\"a\\\":\\\"'+'x'*(262144-8)+'\\\"}')\"");

        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        Assert.Equal(Limits.OutputBytes, end.Output!.Length);
    }

    [Fact]
    public async Task AForeachFileThatWasNotWritten_FailsTheAttempt()
    {
        var end = await RunAsync("true", s => s with { Next = new Foreach("body", new OverFile("items.jsonl")) });

        Assert.Equal("foreach_source", end.Error!.Type);
        Assert.Contains("items.jsonl", end.Error.Message);
    }

    [Theory]
    [InlineData("no-such-program", "no-such-program")]
    [InlineData("./missing.sh", "missing.sh")]
    [InlineData("/etc/passwd", "not executable")]
    [InlineData("/etc", "directory")]
    public async Task ACommandThatCannotBeExecuted_FailsToStart(string program, string words)
    {
        var end = await RunAsync("", s => s with { Run = new CommandSpec([program, "x"], null) });

        Assert.Equal(AttemptOutcome.Failed, end.Outcome);
        Assert.Equal("start_failed", end.Error!.Type);
        Assert.Contains(words, end.Error.Message);
    }

    [Fact]
    public async Task AnInterpreterThatIsMissing_FailsToStart()
    {
        var script = Path.Combine(_worker.Root, "script");
        await File.WriteAllTextAsync(script, "#!/no/such/interpreter\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var end = await RunAsync("", s => s with { Run = new CommandSpec([script], null) });

        Assert.Equal("start_failed", end.Error!.Type);
    }

    [Theory]
    [InlineData("../..", "leaves")]
    [InlineData("/etc", "leaves")]
    [InlineData("nowhere", "no directory")]
    public async Task AWorkdirOutsideTheCode_FailsToStart(string workdir, string words)
    {
        var end = await RunAsync("true", s => s with { Workdir = workdir });

        Assert.Equal("start_failed", end.Error!.Type);
        Assert.Contains(words, end.Error.Message);
    }

    [Fact]
    public async Task AnArgumentVector_IsPassedWordForWord()
    {
        var end = await RunAsync("", s => s with { Run = new CommandSpec(["python3", "-c", "import json,os,sys; json.dump({'a': sys.argv[1:]}, open(os.environ['FANFARE_OUTPUT'],'w'))", "two words", "$HOME", "A=b", ""], null) });

        Assert.Equal("""{"a": ["two words", "$HOME", "A=b", ""]}""", end.Output);
    }

    [Fact]
    public async Task ATaskThatAsksForMoreThanTheMachineHas_IsHandedBack()
    {
        var end = await RunAsync("true", s => s with { Resources = new ResourceSpec(1, 1L << 60, 0, 0) });

        Assert.Equal(AttemptOutcome.Lost, end.Outcome);
        Assert.Equal("over_capacity", end.Error!.Type);
        Assert.Null(end.StartedAt);
    }

    [Fact]
    public async Task WhereMemoryCannotBeLimited_TheLogSaysSoOnce()
    {
        if (Processes.Cgroups.Open(null, "testtest").Available) return;

        await RunAsync("true", s => s with { Resources = new ResourceSpec(1, 1L << 30, 0, 0) });
        await RunAsync("true", s => s with { Resources = new ResourceSpec(1, 1L << 30, 0, 0) });

        Assert.Single(_worker.Log, l => l.StartsWith("Memory limits are not enforced", StringComparison.Ordinal));
    }

    private Task<FinishedAttempt> RunAsync(string shell, Func<StepSpec, StepSpec>? step = null)
    {
        var lease = A.Task(shell, step);
        _gateway.Offer(lease);
        return _gateway.FinishedAsync(lease.Token);
    }
}
