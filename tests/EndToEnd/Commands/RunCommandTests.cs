using System.Text.RegularExpressions;

namespace Fanfare.EndToEnd.Commands;

/// <summary><c>fanfare run</c> as a newcomer uses it: no server is there, so each brings its own.</summary>
public sealed partial class RunCommandTests : IAsyncLifetime
{
    private readonly Site _site = Site.Empty();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _site.DisposeAsync();

    /// <summary>The slow one: some 40 s of real work.</summary>
    [Fact]
    public async Task TheFirstExample_WritesItsReport()
    {
        var command = _site.Command("run", Path.Combine(RepositoryRoot(), "examples", "stdlib-report", "flow.yaml"), "--data", _site.Data);

        Assert.Equal(0, await command.ExitAsync(TimeSpan.FromMinutes(4)));
        var shown = Assert.Single(command.Output.Split('\n'), l => l.Contains("report.html (", StringComparison.Ordinal));
        Assert.Contains("<svg", await File.ReadAllTextAsync(ReportPath().Match(shown).Value), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AFlowThatFails_EndsWithOne_AndSaysWhere()
    {
        var command = RunFlow("name: fails\nsteps: {start: {run: \"echo out of luck >&2; exit 7\"}}\n");

        Assert.Equal(1, await command.ExitAsync(Eventually.Limit));
        Assert.Contains("exit code 7", command.Output, StringComparison.Ordinal);
        Assert.Contains("fanfare logs", command.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunsStartedAtTheSameMoment_EachFindAPort()
    {
        var file = WriteFlow("name: ports\nsteps: {start: {run: [\"true\"]}}\n");

        var commands = Enumerable.Range(0, 4).Select(i => _site.Command("run", file, "--data", _site.In($"data-{i}"))).ToList();

        foreach (var command in commands) Assert.True(await command.ExitAsync(Eventually.Limit) == 0, command.Output);
    }

    [Fact]
    public async Task CtrlC_CancelsTheRun_AndLeavesNoProcess()
    {
        var command = RunFlow($$$"""
            name: interrupted
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 4} } }
              work: {run: {{{Run.Shell("setsid sleep 1000 & sleep 1000")}}}, resources: {cpu: 0.5}, next: all}
              all: {join: all, run: ["true"]}
            """);
        var run = await StartedAsync(command);
        await TaskProcesses.LiveAsync(run, 6);

        command.Interrupt();

        Assert.Equal(130, await command.ExitAsync(Eventually.Limit));
        await TaskProcesses.GoneAsync(run);
        Assert.Contains("cancelled", command.Output, StringComparison.Ordinal);
        await _site.StartServerAsync();
        Assert.Equal(RunStatus.Cancelled, (await _site.Api.RunAsync(run)).Status);
    }

    [Fact]
    public async Task AfterKill9_TheSameCommand_TakesTheRunUpAndFinishesIt_WhileNewStartsAnother()
    {
        var flow = $$$"""
            name: again
            steps:
              start: {run: {{{Run.Shell($"echo start >> {_site.In("effects")}")}}}, next: hold}
              hold: {run: {{{Run.Shell($"touch {_site.In("holding-$FANFARE_RUN")}; {Run.Await(_site.In("go-$FANFARE_RUN")).Replace('\'', '"')}; echo held >> {_site.In("effects")}")}}} }
            """;
        var first = RunFlow(flow);
        var run = await StartedAsync(first);
        // Once the second step runs, the end of the first is on record: a kill before that would run it again.
        await Eventually.FileAsync(_site.In($"holding-{run}"));
        await first.KillAsync();
        await TaskProcesses.GoneAsync(run);

        var second = RunFlow(flow);
        await second.LineAsync(l => l.Contains($"Taking up run {run}", StringComparison.Ordinal), Eventually.Limit);
        await TaskProcesses.LiveAsync(run, 1);
        var fresh = RunFlow(flow, "--new");
        var other = await StartedAsync(fresh);

        // The other one first: the server is the second command's, and ends with it.
        _site.Touch($"go-{other}");
        Assert.Equal(0, await fresh.ExitAsync(Eventually.Limit));
        _site.Touch($"go-{run}");
        Assert.Equal(0, await second.ExitAsync(Eventually.Limit));
        Assert.NotEqual(run, other);
        Assert.Equal(["held", "held", "start", "start"], (await File.ReadAllLinesAsync(_site.In("effects"))).Order());
    }

    private FanfareProcess RunFlow(string flow, params string[] more) => _site.Command(["run", WriteFlow(flow), "--data", _site.Data, .. more]);

    private string WriteFlow(string flow)
    {
        var file = Path.Combine(Directory.CreateDirectory(_site.In("flow")).FullName, "flow.yaml");
        File.WriteAllText(file, flow);
        return file;
    }

    private static async Task<string> StartedAsync(FanfareProcess command) =>
        (await command.LineAsync(l => l.StartsWith("Started run ", StringComparison.Ordinal), Eventually.Limit)).Split(' ')[2];

    private static string RepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Scheduler.sln"))) directory = directory.Parent ?? throw new InvalidOperationException("The tests are not inside the repository.");
        return directory.FullName;
    }

    [GeneratedRegex(@"/\S*report\.html")]
    private static partial Regex ReportPath();
}
