using System.Text.RegularExpressions;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Reading;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs;

/// <summary>What became of a flow's text: a spec with its graph, or errors; never both.</summary>
/// <param name="Errors">In the order of the text; empty when the flow is right.</param>
public sealed record SpecResult(FlowSpec? Spec, FlowGraph? Graph, IReadOnlyList<SpecError> Errors);

/// <summary>Reads the flows that authors write, as YAML or JSON (docs/flow.md).</summary>
public static partial class FlowSpecReader
{
    /// <summary>Reads and checks a flow. Whatever the text is, this returns: every error is in the result, with line,
    /// column, path, rule and remedy. Errors of structure are left out while transitions cannot be read.</summary>
    public static SpecResult Read(string text)
    {
        var complaints = new Complaints();
        if (!SourceText.IsReadable(text, "flow", complaints) || YamlTree.Read(text.TrimStart('\uFEFF'), complaints) is not { } root)
            return new SpecResult(null, null, complaints.Sorted());
        var spec = FlowReader.Read(root, complaints);
        FlowGraph? graph = null;
        if (spec is not null && !TransitionsAreBroken(complaints))
        {
            graph = FlowGraph.Compile(spec, out var errors);
            foreach (var error in errors) complaints.AddUnplaced(error);
        }
        return complaints.Count == 0 ? new SpecResult(spec, graph, []) : new SpecResult(null, null, complaints.Sorted());
    }

    // A 'next' that cannot be read would make the steps behind it look unreached.
    private static bool TransitionsAreBroken(Complaints complaints) =>
        complaints.Count > Complaints.Most || complaints.Any(e => Transition().IsMatch(e.Path));

    [GeneratedRegex(@"^(steps|steps\.[^.]*(\.(next|join)\b.*)?)?\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Transition();
}
