using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Core.Tests.Graph;

/// <summary>Draws a flow in one line: <c>a > b</c> goes on, <c>a > b &amp; c</c> splits, <c>a > *b</c> is a foreach,
/// <c>a > b | c</c> switches (with <c>^3</c>: max_loops 3), <c>!j</c> is a join.</summary>
internal static class Sketch
{
    public static FlowSpec Flow(string sketch) => new()
    {
        Name = "sketch",
        Steps = [.. sketch.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Step)],
    };

    public static StepSpec Step(string line)
    {
        var sides = line.Split('>', StringSplitOptions.TrimEntries);
        var name = sides[0].TrimStart('!');
        return new StepSpec
        {
            Name = name,
            Run = new CommandSpec(["true"], null),
            Join = sides[0].StartsWith('!') ? JoinSpec.All : null,
            Next = sides.Length > 1 ? Next(sides[1]) : null,
        };
    }

    /// <summary>The graph of a sketch that must be right.</summary>
    public static FlowGraph Graph(string sketch) => Graph(Flow(sketch));

    public static FlowGraph Graph(FlowSpec spec)
    {
        var graph = FlowGraph.Compile(spec, out var errors);
        Assert.True(graph is not null, string.Join(Environment.NewLine, errors));
        Assert.Empty(errors);
        return graph;
    }

    /// <summary>The errors of a sketch that must be wrong.</summary>
    public static IReadOnlyList<SpecError> Errors(FlowSpec spec)
    {
        Assert.Null(FlowGraph.Compile(spec, out var errors));
        Assert.NotEmpty(errors);
        Assert.All(errors, e => Assert.True(e is { Path.Length: > 0, Message.Length: > 0, Remedy.Length: > 0 }, e.ToString()));
        return errors;
    }

    private static NextSpec Next(string text)
    {
        if (text.StartsWith('*')) return new Foreach(text[1..], new OverOutput("items"));
        if (text.Contains('&', StringComparison.Ordinal)) return new StaticSplit(text.Split('&', StringSplitOptions.TrimEntries));
        if (!text.Contains('|', StringComparison.Ordinal)) return new GoTo(text);
        var bound = text.Split('^', StringSplitOptions.TrimEntries);
        var targets = bound[0].Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return new Switch("verdict", [.. targets.Select(t => new SwitchCase($"to-{t}", t))], null,
            bound.Length > 1 ? int.Parse(bound[1], System.Globalization.CultureInfo.InvariantCulture) : null);
    }
}
