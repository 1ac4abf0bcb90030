using System.Text.Json;

namespace Fanfare.Cli.Tests;

public sealed class ValidateTests : IDisposable
{
    private readonly TestCli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task AValidFlow_Exits0()
    {
        _cli.Write("flow.yaml", "name: report\n");

        var answer = await _cli.RunAsync("validate", "flow.yaml");

        Assert.Equal((ExitCode.Success, "flow.yaml is valid.\n", ""), (answer.Exit, answer.Out, answer.Error));
    }

    [Fact]
    public async Task EveryError_IsShownInItsLine_WithItsRemedy()
    {
        _cli.Write("flow.yaml", "name: report\nsteps:\n\tstart: {}\n");
        _cli.CheckSpec = _ =>
        [
            new SpecError(3, 2, "steps.start", "'run' is missing.", "Say what the step runs."),
            new SpecError(0, 0, "", "The flow has no end.", "Let a step have no 'next'."),
            new SpecError(99, 1, "x", "is beyond", "None."),
        ];

        var answer = await _cli.RunAsync("validate", "flow.yaml");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Equal("""
            flow.yaml:3:2: steps.start: 'run' is missing.
              3 |  start: {}
                |  ^
              Say what the step runs.
            flow.yaml: The flow has no end.
              Let a step have no 'next'.
            flow.yaml:99:1: x is beyond
              None.
            flow.yaml has 3 errors.

            """, answer.Error);
    }

    [Fact]
    public async Task ALongLine_IsShownAroundTheColumn()
    {
        _cli.Write("flow.json", new string('a', 500) + "!" + new string('b', 500));
        _cli.CheckSpec = _ => [new SpecError(1, 501, "", "Here.", "")];

        var lines = (await _cli.RunAsync("validate", "flow.json")).Error.Split('\n');

        Assert.Equal('!', lines[1][lines[2].IndexOf('^', StringComparison.Ordinal)]);
        Assert.True(lines[1].Length < 140);
    }

    [Fact]
    public async Task UnderJson_TheErrorsAreADocument()
    {
        _cli.Write("flow.yaml", "x");
        _cli.CheckSpec = _ => [new SpecError(1, 1, "name", "is missing", "Add it.")];

        var answer = await _cli.RunAsync("validate", "flow.yaml", "--json");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Equal("name", JsonDocument.Parse(answer.Out).RootElement.GetProperty("errors")[0].GetProperty("path").GetString());
    }

    [Fact]
    public async Task TextThatIsNotUtf8_IsRefused()
    {
        await File.WriteAllBytesAsync(Path.Combine(_cli.Directory, "flow.yaml"), [0x6e, 0xff, 0xfe]);

        var answer = await _cli.RunAsync("validate", "flow.yaml");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("not UTF-8", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATooLargeFlow_IsRefusedUnread()
    {
        _cli.Write("flow.yaml", new string(' ', Limits.SpecBytes + 1));

        Assert.Contains("larger than the 1 MiB", (await _cli.RunAsync("validate", "flow.yaml")).Error, StringComparison.Ordinal);
    }
}
