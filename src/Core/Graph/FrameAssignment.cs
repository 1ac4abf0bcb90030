using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Walks the graph from its start and gives every step its frame. A split opens frames, a join goes back to the
/// frame around the split; a step that two different frames lead to is an error.</summary>
internal sealed class FrameAssignment
{
    // The loop counters of a step's key, one for each frame and one for the run, are at most Limits.MaxNesting.
    private const int Deepest = Limits.MaxNesting - 1;

    private readonly StepIndex _index;
    private readonly Cycles _cycles;
    private readonly Dictionary<string, Frame> _frames = [];
    private readonly Dictionary<string, Frame> _closes = [];
    private readonly Queue<string> _open = new();
    private readonly HashSet<string> _unjoined = [];

    public FrameAssignment(StepIndex index, Cycles cycles)
    {
        _index = index;
        _cycles = cycles;
    }

    public Frame Root { get; } = new() { Kind = FrameKind.Root };

    public Frame? Of(string step) => _frames.GetValueOrDefault(step);

    /// <summary>For a join: one of the frames it closes.</summary>
    public Frame? ClosedBy(string join) => _closes.GetValueOrDefault(join);

    public void Walk()
    {
        if (!_index.Contains(_index.Spec.Start)) return;
        Place(_index.Spec.Start, Root);
        while (_open.TryDequeue(out var name)) Leave(_index[name], _frames[name]);
    }

    private void Leave(StepSpec step, Frame frame)
    {
        if (step.Next is null && frame.Kind != FrameKind.Root)
        {
            _index.Error($"steps.{step.Name}", $"The path ends at step '{step.Name}', inside {Describe(frame)}; every path in a split leads to its join.",
                $"Give '{step.Name}' a 'next' that leads to a step with 'join: all'.");
            return;
        }
        var edges = _index.From(step.Name);
        if (edges.Count > 0 && edges[0].Opens && frame.Depth + 1 > Deepest)
        {
            _index.Error($"steps.{step.Name}.next", $"The split of step '{step.Name}' lies within {frame.Depth} others; splits are nested at most {Deepest} deep.",
                "Join earlier, or move the inner work into one step.");
            return;
        }
        foreach (var edge in edges.DistinctBy(e => e.To)) Enter(edge, Inside(edge, frame, edges.Count));
    }

    private static Frame Inside(Edge edge, Frame frame, int branches) => edge.Kind switch
    {
        EdgeKind.Branch => new Frame { Kind = FrameKind.Branch, Parent = frame, Opener = edge.From, Branch = edge.Branch, Branches = branches },
        EdgeKind.Foreach => new Frame { Kind = FrameKind.Foreach, Parent = frame, Opener = edge.From },
        _ => frame,
    };

    private void Enter(Edge edge, Frame frame)
    {
        var target = _index[edge.To];
        if (_index.Handlers.Contains(edge.To)) return;
        if (target.Join is not null) EnterJoin(edge, frame);
        else if (!_frames.TryGetValue(edge.To, out var placed)) Place(edge.To, frame);
        else if (placed != frame) Conflict(edge, frame, placed);
    }

    private void EnterJoin(Edge edge, Frame frame)
    {
        if (edge.Opens)
        {
            _index.Error(edge.Path, $"The split of step '{edge.From}' leads directly to join '{edge.To}'; between a split and its join lies at least one step.",
                "Put a step in between, or leave this branch out.");
            return;
        }
        if (frame.Kind == FrameKind.Root)
        {
            _index.Error(edge.Path, $"Step '{edge.From}' leads to join '{edge.To}' outside any split; a join is entered only from inside the split it closes.",
                $"Remove 'join' from '{edge.To}', or split before it.");
            return;
        }
        if (frame.Join is { } other && other != edge.To)
        {
            _index.Error(edge.Path, $"Step '{edge.From}' leads to join '{edge.To}', but {Describe(frame)} is already joined by '{other}'; a split has exactly one join.",
                $"Lead all its paths to '{other}', or to '{edge.To}'.");
            return;
        }
        if (!_closes.TryGetValue(edge.To, out var closed))
        {
            _closes[edge.To] = frame;
            frame.Join = edge.To;
            Place(edge.To, frame.Parent!);
        }
        else if (closed.Opener != frame.Opener)
        {
            _index.Error(edge.Path, $"Step '{edge.From}' leads to join '{edge.To}' from inside {Describe(frame)}, but that join closes {Describe(closed)}; a join closes exactly one split.",
                $"Add a join that closes {Describe(frame)}, and let it lead on.");
        }
        else
        {
            frame.Join = edge.To;
        }
    }

    /// <summary>Whether all branches of each static split came to the same join.</summary>
    public void CheckBranches()
    {
        var openers = _frames.Values.Where(f => f.Kind == FrameKind.Branch).Distinct().GroupBy(f => f.Opener!);
        foreach (var branches in openers)
        {
            var joins = branches.Select(f => f.Join).OfType<string>().Distinct().ToList();
            if (joins.Count > 1)
                _index.Error($"steps.{branches.Key}.next", $"The branches of the split of step '{branches.Key}' end at different joins ({string.Join(", ", joins.Select(j => $"'{j}'"))}); all of them end at one.",
                    $"Lead all branches to '{joins[0]}'.");
        }
    }

    private void Place(string step, Frame frame)
    {
        _frames[step] = frame;
        _open.Enqueue(step);
    }

    private void Conflict(Edge edge, Frame frame, Frame placed)
    {
        if (_cycles.WithoutSwitch(edge)) return;
        if (_cycles.Contains(edge))
            _index.Error(edge.Path, $"Step '{edge.From}', inside {Describe(frame)}, leads back to '{edge.To}', which lies in {Describe(placed)}; a loop neither enters nor leaves a split.",
                "Loop within the split, or join first and loop from there.");
        else if (frame.Kind == FrameKind.Branch && placed.Kind == FrameKind.Branch && frame.Opener == placed.Opener)
        {
            if (_unjoined.Add(edge.To))
                _index.Error($"steps.{edge.To}", $"Several branches of the split of step '{frame.Opener}' lead to step '{edge.To}', which has no 'join'; branches come together only in a join.",
                    $"Set 'join: all' on '{edge.To}'.");
        }
        else if (edge.Opens)
            _index.Error(edge.Path, $"The split of step '{edge.From}' opens at step '{edge.To}', which also lies in {Describe(placed)}; a step lies in one split only.",
                "Use a step of its own as the first of each split.");
        else if (Within(frame, placed) || Within(placed, frame))
            _index.Error(edge.Path, $"Step '{edge.From}' leads to '{edge.To}', which is thus reached from inside {Describe(Within(frame, placed) ? frame : placed)} and from outside of it; a split is entered at its opening and left by its join.",
                $"Lead every path inside the split to its join, and on from there; set 'join: all' on '{edge.To}' when it is the join.");
        else
            _index.Error(edge.Path, $"Step '{edge.From}', inside {Describe(frame)}, leads to '{edge.To}', which lies in {Describe(placed)}; a step lies in one split only.",
                "Use a separate step for each place, or join first.");
    }

    private static bool Within(Frame inner, Frame outer)
    {
        for (var frame = inner.Parent; frame is not null; frame = frame.Parent)
            if (frame == outer) return true;
        return false;
    }

    private static string Describe(Frame frame) => frame.Kind switch
    {
        FrameKind.Root => "no split",
        FrameKind.Branch => $"the split of step '{frame.Opener}' (branch {frame.Branch})",
        _ => $"the foreach of step '{frame.Opener}'",
    };
}
