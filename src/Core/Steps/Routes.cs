using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Where control goes from a task: the arithmetic of split paths and loop counters. A step in k foreach frames has
/// keys with k - 1 outer splits (the innermost are its tasks), and one loop counter for each frame and one for the run.</summary>
internal static class Routes
{
    /// <summary>A task's position: its step's opening, and its split.</summary>
    public readonly record struct Position(StepKey Key, int Split);

    /// <summary>Another step in the same frame; over a back edge the frame's loop counter goes up by one.</summary>
    public static StepKey Sibling(StepNode target, StepKey from, bool backEdge) =>
        new(target.Name, from.Outer, backEdge ? from.Loops.WithLast(from.Loops.Last + 1) : from.Loops);

    /// <summary>The first step of a branch of a static split.</summary>
    public static StepKey Branch(StepNode target, StepKey from) => new(target.Name, from.Outer, from.Loops.Push(0));

    /// <summary>The first step of a foreach's body.</summary>
    public static StepKey Body(StepNode target, StepNode opener, StepKey from, int split) =>
        new(target.Name, opener.InForeach ? from.Outer.Push(split) : SplitPath.Empty, from.Loops.Push(0));

    /// <summary>The position, one frame up, of the step named: the frame's opener or its join.</summary>
    public static Position Outside(Frame frame, string step, StepKey from, int split)
    {
        var loops = from.Loops.Pop();
        if (frame.Kind == FrameKind.Branch) return new Position(new StepKey(step, from.Outer, loops), split);
        return frame.ForeachDepth == 1
            ? new Position(new StepKey(step, SplitPath.Empty, loops), 0)
            : new Position(new StepKey(step, from.Outer.Pop(), loops), from.Outer.Last);
    }

    /// <summary>Which member of its frame a task is: its branch, or its split.</summary>
    public static int Member(Frame frame, int split) => frame.Kind == FrameKind.Branch ? frame.Branch : split;

    /// <summary>What of the opening <paramref name="key"/> lies inside the split that <paramref name="opener"/>'s task
    /// <paramref name="split"/> opened: nothing (false), all of it, or one split of it.</summary>
    public static bool Covers(FlowGraph graph, StepKey opener, int split, StepKey key, out int? onlySplit)
    {
        onlySplit = null;
        var node = graph[key.Step];
        var openerNode = graph[opener.Step];
        Frame? frame = node.Frame;
        while (frame is not null && !(frame.Opener == opener.Step && frame.Parent == openerNode.Frame)) frame = frame.Parent;
        if (frame is null) return false;
        if (!key.Loops.StartsWith(opener.Loops)) return false;
        var inner = openerNode.InForeach ? opener.Outer.Push(split) : SplitPath.Empty;
        if (node.Frame.ForeachDepth > openerNode.Frame.ForeachDepth) return key.Outer.StartsWith(inner);
        // A branch at the opener's own foreach depth shares its openings with the foreach's other splits.
        if (key.Outer != opener.Outer) return false;
        onlySplit = openerNode.InForeach ? split : null;
        return true;
    }
}
