using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Works out a spec's structure: checks names, then gives every step its frame, then finds the loops.</summary>
internal static class GraphCompiler
{
    public static FlowGraph? Compile(FlowSpec spec, out IReadOnlyList<SpecError> errors)
    {
        var found = new List<SpecError>();
        errors = found;
        var index = new StepIndex(spec, found);
        if (spec.Steps.Count > Limits.Steps)
        {
            index.Error("steps", $"The flow has {spec.Steps.Count} steps; it may have at most {Limits.Steps}.", "Use foreach for like steps, or make several flows.");
            return null;
        }
        NameRules.Check(index);
        CheckReachable(index);
        var cycles = new Cycles(index);
        var frames = new FrameAssignment(index, cycles);
        frames.Walk();
        frames.CheckBranches();
        var loops = new Loops(index, cycles, frames);
        loops.Find();
        CheckJoinCounts(index, frames);
        CheckGangs(index, frames);
        ScheduleRules.Check(index);
        TriggerRules.Check(index);
        NotifyRules.Check(index);
        return found.Count > 0 ? null : new FlowGraph(spec, spec.Steps.Select(s => Node(s, index, frames, loops)));
    }

    private static void CheckReachable(StepIndex index)
    {
        if (!index.Contains(index.Spec.Start)) return;
        var reachable = index.Reachable([index.Spec.Start, .. NameRules.Misspelt(index)]);
        foreach (var name in index.Names)
            if (!reachable.Contains(name) && !index.Handlers.Contains(name))
                index.Error($"steps.{name}", $"Step '{name}' is not reached from '{index.Spec.Start}'; every step is, but those of on_failure and finally.",
                    "Lead to it with 'next', or remove it.");
    }

    private static void CheckJoinCounts(StepIndex index, FrameAssignment frames)
    {
        foreach (var step in index.Steps)
        {
            if (step.Join is not { } join || join.Kind == JoinKind.All) continue;
            var path = $"steps.{step.Name}.join";
            if (join.Kind == JoinKind.Any && join.Count < 1)
                index.Error(path, $"Join '{step.Name}' waits for any {join.Count}; it waits for at least 1.", "Use 'any: 1' or more.");
            else if (join.Kind == JoinKind.Any && frames.ClosedBy(step.Name) is { Kind: FrameKind.Branch } frame && join.Count > frame.Branches)
                index.Error(path, $"Join '{step.Name}' waits for any {join.Count}, but the split of step '{frame.Opener}' has {frame.Branches} branches.", $"Use 'any: {frame.Branches}' or less.");
            else if (join.Kind == JoinKind.Tolerate && join.Count < 0)
                index.Error(path, $"Join '{step.Name}' tolerates {join.Count} failures; that is 0 or more.", "Use 'tolerate: 0' or more.");
        }
    }

    private static void CheckGangs(StepIndex index, FrameAssignment frames)
    {
        foreach (var step in index.Steps)
        {
            if (step.Gang is not true) continue;
            var path = $"steps.{step.Name}.gang";
            if (index.Handlers.Contains(step.Name) || step.Name == index.Spec.Start || index.To(step.Name).FirstOrDefault(edge => edge.Kind != EdgeKind.Foreach) is not null)
                index.Error(path, $"Step '{step.Name}' is a gang, but not all ways to it are a foreach; a gang is the tasks that one foreach opens.", "Lead to it with 'foreach' alone, or remove 'gang'.");
            if (step.Next is not (GoTo or null))
                index.Error(path, $"Step '{step.Name}' is a gang, and splits or chooses what comes next; a gang goes on as one, to one step.", "Lead to one step, and split or choose there.");
            if (step.MaxParallel is not null)
                index.Error(path, $"Step '{step.Name}' is a gang, which starts all of its tasks at once, and has 'max_parallel'.", "Remove one of the two.");
            if (frames.Of(step.Name)?.Join is { } join && index[join].Join is { Kind: not JoinKind.All })
                index.Error(path, $"Step '{step.Name}' is a gang, and join '{join}' goes on without some of its tasks; a gang succeeds or fails as a whole.", $"Give '{join}' 'join: all', or remove 'gang'.");
        }
    }

    private static StepNode Node(StepSpec step, StepIndex index, FrameAssignment frames, Loops loops)
    {
        var closed = frames.ClosedBy(step.Name);
        var before = index.To(step.Name).Select(e => e.From).ToHashSet();
        return new StepNode
        {
            Spec = step,
            Frame = frames.Of(step.Name) ?? frames.Root,
            Joins = closed?.Kind,
            JoinBranches = closed?.Kind == FrameKind.Branch ? closed.Branches : 0,
            IsHandler = index.Handlers.Contains(step.Name),
            BackEdges = loops.BackEdges(step.Name),
            Predecessors = [.. index.Names.Where(before.Contains)],
        };
    }
}
