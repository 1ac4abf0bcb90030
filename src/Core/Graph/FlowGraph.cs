using System.Diagnostics.CodeAnalysis;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A flow spec with its structure worked out: which step lies in which split, and which join closes it.
/// Immutable; one per deployment.</summary>
public sealed class FlowGraph
{
    private readonly Dictionary<string, StepNode> _nodes;

    internal FlowGraph(FlowSpec spec, IEnumerable<StepNode> nodes)
    {
        Spec = spec;
        _nodes = nodes.ToDictionary(n => n.Name);
    }

    public FlowSpec Spec { get; }

    public StepNode Start => _nodes[Spec.Start];

    public IEnumerable<StepNode> Nodes => _nodes.Values;

    public StepNode this[string step] => _nodes[step];

    public bool TryGet(string step, [NotNullWhen(true)] out StepNode? node) => _nodes.TryGetValue(step, out node);

    /// <summary>Works out the structure, or says all that is wrong with it.</summary>
    /// <returns>The graph, or null and at least one error. Errors carry the path of the field (<c>steps.train.next</c>), no line.</returns>
    public static FlowGraph? Compile(FlowSpec spec, out IReadOnlyList<SpecError> errors) => GraphCompiler.Compile(spec, out errors);
}

public enum FrameKind
{
    /// <summary>The run itself.</summary>
    Root,

    /// <summary>One branch of a static split.</summary>
    Branch,

    /// <summary>The body of a foreach.</summary>
    Foreach,
}

/// <summary>A frame around steps: entered by a split, left by its join. Each frame has a loop counter of its own.</summary>
public sealed class Frame
{
    public required FrameKind Kind { get; init; }

    /// <summary>The frame around this one; null for the root.</summary>
    public Frame? Parent { get; init; }

    /// <summary>The step whose split opens the frame; null for the root.</summary>
    public string? Opener { get; init; }

    /// <summary>The step that joins it; null for the root.</summary>
    public string? Join { get; internal set; }

    /// <summary>Which branch of a static split, from 0.</summary>
    public int Branch { get; init; }

    /// <summary>Number of branches of the static split.</summary>
    public int Branches { get; init; }

    /// <summary>0 for the root.</summary>
    public int Depth => Parent is null ? 0 : Parent.Depth + 1;

    /// <summary>Foreach frames from the root down to and including this one.</summary>
    public int ForeachDepth => (Parent?.ForeachDepth ?? 0) + (Kind == FrameKind.Foreach ? 1 : 0);
}

/// <summary>A step with its place in the structure.</summary>
public sealed class StepNode
{
    public required StepSpec Spec { get; init; }

    public string Name => Spec.Name;

    /// <summary>The innermost frame around the step. A join lies in the frame around the split it closes.</summary>
    public required Frame Frame { get; init; }

    /// <summary>Whether the step's tasks are splits of a foreach.</summary>
    public bool InForeach => Frame.ForeachDepth > 0;

    /// <summary>Number of loop counters in this step's keys.</summary>
    public int LoopCounters => Frame.Depth + 1;

    /// <summary>For a join: what kind of split it closes (<see cref="FrameKind.Branch"/> or <see cref="FrameKind.Foreach"/>); null otherwise.</summary>
    public FrameKind? Joins { get; init; }

    /// <summary>For a join of a static split: how many branches arrive.</summary>
    public int JoinBranches { get; init; }

    /// <summary>A step of on_failure or finally, outside the graph.</summary>
    public bool IsHandler { get; init; }

    /// <summary>Names of the switch cases' targets (default included) that lead back to this step or an earlier one.</summary>
    public IReadOnlySet<string> BackEdges { get; init; } = new HashSet<string>();

    /// <summary>The steps whose tasks may directly precede a task of this one, in the order of the source. For a join: the last steps of
    /// its members.</summary>
    public required IReadOnlyList<string> Predecessors { get; init; }
}
