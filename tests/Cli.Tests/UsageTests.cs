using System.CommandLine;
using Fanfare.Cli.Commands;

namespace Fanfare.Cli.Tests;

public sealed class UsageTests : IDisposable
{
    // A port that nothing listens at: the first one needs privileges that no test has.
    private const string Nowhere = "http://127.0.0.1:1";

    private readonly TestCli _cli = new();

    public static TheoryData<string> Commands()
    {
        using var cli = new TestCli();
        using var interrupts = new Interrupts(TimeProvider.System, () => { });
        var host = new CliHost
        {
            Out = TextWriter.Null,
            Error = TextWriter.Null,
            Interactive = false,
            Keyboard = false,
            Variable = _ => null,
            WorkingDirectory = "/",
            Clock = TimeProvider.System,
            Interrupts = interrupts,
        };
        return [.. Paths(CommandTree.Create(new GlobalOptions(host)), "")];
    }

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("runz", "Unrecognized command or argument 'runz'", "Did you mean 'run'?")]
    [InlineData("runs --stats failed", "'--stats'", "Did you mean '--status'?")]
    [InlineData("run", "FLOW.yaml", "fanfare run --help")]
    [InlineData("runs --limit 0", "--limit is 0; it must be between 1 and 1000", "fanfare runs --help")]
    [InlineData("runs --status lost", "'lost'", "fanfare runs --help")]
    [InlineData("runs --status --json", "missing for option: '--status'", "fanfare runs --help")]
    [InlineData("runs --flow --help", "missing for option: '--flow'", "fanfare runs --help")]
    [InlineData("runs --server --active", "missing for option: '--server'", "fanfare runs --help")]
    [InlineData("show", "RUN", "fanfare show --help")]
    [InlineData("task kill r1", "TASK", "fanfare task kill --help")]
    [InlineData("flow delete", "FLOW", "fanfare flow delete --help")]
    [InlineData("flow delete a b", "'b'", "fanfare flow delete --help")]
    [InlineData("completion ksh", "ksh", "zsh")]
    [InlineData("run none.yaml", "none.yaml cannot be read", "error: ")]
    [InlineData("run .", ". is a directory", "flow.yaml")]
    [InlineData("runs --server ftp://x", "ftp://x", "http://HOST:PORT")]
    [InlineData("runs --namespace 1x", "'1x' is no namespace", "starts with a letter")]
    [InlineData("flows --deployments", "--deployments is of one flow", "fanfare flows FLOW")]
    [InlineData("serve --host 0.0.0.0", "no access token is set", "FANFARE_TOKEN")]
    [InlineData("serve --host 0.0.0.0 --token short", "shorter than 16", "openssl")]
    [InlineData("serve --lease-term 9", "--lease-term is 9; it must be between 10 and 86400", "fanfare serve --help")]
    [InlineData("serve --lease-term 5m", "'5m'", "fanfare serve --help")]
    [InlineData("serve --retain soon", "--retain 'soon' is no duration", "30s, 12h, 1h30m, 30d")]
    [InlineData("serve --retain 10ms", "--retain 10ms is too short", "at least 1s")]
    [InlineData("serve --retain 1d --retain-tombstones 5m", "--retain-tombstones 5m is too short", "at least 1h")]
    [InlineData("serve --keep-blobs", "--keep-blobs is of use with --retain only", "--retain DURATION")]
    [InlineData("task skip r1 t --output [1]", "--output is not a JSON object", "--output '{")]
    public async Task BadUsage_Exits2_AndSaysWhatToDo(string line, string problem, string remedy)
    {
        var answer = await _cli.RunAsync(line.Split(' '));

        Assert.True(answer.Exit == ExitCode.Usage, answer.ToString());
        Assert.Contains(problem, answer.Error, StringComparison.Ordinal);
        Assert.Contains(remedy, answer.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task EachCommandsHelp_ShowsAnExampleThatParses(string command)
    {
        var answer = await _cli.RunAsync([.. command.Split(' '), "--help"]);

        Assert.Equal(ExitCode.Success, answer.Exit);
        var examples = answer.Out[answer.Out.IndexOf("Example", StringComparison.Ordinal)..].Split('\n').Where(l => l.StartsWith("  ", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(examples);
        Assert.All(examples, e => Assert.Contains($"fanfare {command}", e, StringComparison.Ordinal));
        Assert.Contains("--json", answer.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheRootsHelp_TellsTheExitCodes()
    {
        var answer = await _cli.RunAsync("--help");

        foreach (var code in (string[])["  0    ", "  1    ", "  2    ", "  3    ", "  130  "]) Assert.Contains(code, answer.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAnyArguments_HelpIsShown()
    {
        var answer = await _cli.RunAsync();

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("Commands:", answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("runs")]
    [InlineData("show r1")]
    [InlineData("version")]
    public async Task ANamedServerThatDoesNotAnswer_Exits3(string line)
    {
        var answer = await _cli.RunAsync([.. line.Split(' '), "--server", Nowhere]);

        Assert.Equal(ExitCode.Unreachable, answer.Exit);
        Assert.Contains($"No server answers at {Nowhere}", answer.Error, StringComparison.Ordinal);
        Assert.Contains("fanfare serve", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SomethingElseAtTheAddress_IsToldApart()
    {
        await using var server = await FakeServer.StartAsync();
        server.Answer("GET /api/v1/version", 200, "<html>hello</html>", "text/html");

        var answer = await _cli.RunAsync("version", "--server", server.Url.ToString());

        Assert.Equal(ExitCode.Unreachable, answer.Exit);
        Assert.Contains("is not a Fanfare server", answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bash", "complete ")]
    [InlineData("zsh", "compdef ")]
    [InlineData("fish", "complete -c fanfare")]
    public async Task Completion_PrintsAScript(string shell, string expected) =>
        Assert.Contains(expected, (await _cli.RunAsync("completion", shell)).Out, StringComparison.Ordinal);

    [Fact]
    public async Task Suggestions_AreCommands_AndWhatTheServerKnows()
    {
        await using var server = await FakeServer.StartAsync();
        server.Runs.Add(FakeServer.Run("r1", RunStatus.Running));
        _cli.Set("FANFARE_SERVER", server.Url.ToString());
        // Whoever types waits for a moment at most; a busy machine takes longer.
        _cli.Clock = new PatientClock();

        var answer = await _cli.RunAsync("[suggest:13]", "fanfare show ");

        Assert.Contains("r1", answer.Out.Split('\n').Select(l => l.Trim()));
    }

    /// <summary>A clock by which no time limit is ever over.</summary>
    private sealed class PatientClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private static IEnumerable<string> Paths(Command command, string prefix)
    {
        foreach (var child in command.Subcommands)
        {
            yield return prefix + child.Name;
            foreach (var path in Paths(child, $"{prefix}{child.Name} ")) yield return path;
        }
    }
}
