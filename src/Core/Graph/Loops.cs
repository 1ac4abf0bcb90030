using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Finds, for each loop, the case that goes round again, and checks that the loop has a bound and a way out.</summary>
internal sealed class Loops
{
    private readonly StepIndex _index;
    private readonly Cycles _cycles;
    private readonly FrameAssignment _frames;
    private readonly HashSet<Edge> _back = [];

    public Loops(StepIndex index, Cycles cycles, FrameAssignment frames)
    {
        _index = index;
        _cycles = cycles;
        _frames = frames;
    }

    /// <summary>Targets of a switch's cases that go round again. Every cycle has such a case.</summary>
    public IReadOnlySet<string> BackEdges(string step) => _index.From(step).Where(_back.Contains).Select(e => e.To).ToHashSet();

    public void Find()
    {
        MarkCases(ReturningEdges());
        CheckSwitches();
        CheckWaysOut();
        foreach (var set in _cycles.SetsWithoutSwitch())
            _index.Error($"steps.{set[0]}.next", $"Steps {Quote(set)} form a cycle without a switch; it would never end.",
                "Remove one of its transitions, or let a switch with 'max_loops' decide when to go round again.");
    }

    /// <summary>Edges to a step that is still open in a depth-first walk from the start: without them there is no cycle.</summary>
    private List<Edge> ReturningEdges()
    {
        var returning = new List<Edge>();
        var done = new Dictionary<string, bool>();
        foreach (var root in _index.Names.OrderByDescending(n => n == _index.Spec.Start))
        {
            if (!done.TryAdd(root, false)) continue;
            var path = new Stack<(string Name, int Edge)>([(root, 0)]);
            while (path.TryPop(out var at))
            {
                var edges = _index.From(at.Name);
                if (at.Edge == edges.Count)
                {
                    done[at.Name] = true;
                    continue;
                }
                path.Push((at.Name, at.Edge + 1));
                var edge = edges[at.Edge];
                if (done.TryAdd(edge.To, false)) path.Push((edge.To, 0));
                else if (!done[edge.To]) returning.Add(edge);
            }
        }
        return returning;
    }

    /// <summary>When a returning edge is no case itself, the cases that lead to it without another switch go round:
    /// <c>again: repair</c>, where <c>repair</c> goes back.</summary>
    private void MarkCases(List<Edge> returning)
    {
        _back.UnionWith(returning.Where(e => e.Kind == EdgeKind.Case));
        var open = new Queue<string>(returning.Where(e => e.Kind != EdgeKind.Case).Select(e => e.From).Distinct());
        var seen = new HashSet<string>(open);
        while (open.TryDequeue(out var name))
        {
            // What happens inside a split is not what decides on a loop around it.
            if (_frames.ClosedBy(name) is { Opener: { } opener })
            {
                if (seen.Add(opener)) open.Enqueue(opener);
                continue;
            }
            foreach (var edge in _index.To(name).Where(_cycles.Contains))
                if (edge.Kind == EdgeKind.Case) _back.Add(edge);
                else if (seen.Add(edge.From)) open.Enqueue(edge.From);
        }
    }

    private void CheckSwitches()
    {
        foreach (var step in _index.Steps)
        {
            if (step.Next is not Switch choice) continue;
            var path = $"steps.{step.Name}.next";
            var back = BackEdges(step.Name);
            if (back.Count > 0 && choice.MaxLoops is null)
                _index.Error(path, $"The switch of step '{step.Name}' leads back to {Quote(back)} and has no 'max_loops'; a loop has a bound.",
                    "Set 'max_loops' to the most rounds that make sense.");
            if (choice.MaxLoops is not null && !_index.From(step.Name).Any(_cycles.Contains))
                _index.Error($"{path}.max_loops", $"max_loops is set, but no case of step '{step.Name}' leads back to an earlier step.",
                    "Remove 'max_loops', or lead a case back.");
        }
    }

    private void CheckWaysOut()
    {
        foreach (var set in _cycles.Sets())
        {
            if (set.Any(s => _index.From(s).Count == 0 || _index.From(s).Any(e => !_cycles.Contains(e)) || Misses(s))) continue;
            if (!set.Any(s => _index[s].Next is Switch)) continue;
            _index.Error($"steps.{set.First(s => _index[s].Next is Switch)}.next", $"The loop of steps {Quote(set)} has no way out; some case leads on.",
                "Add a case or a default that leads to a step outside the loop.");
        }
    }

    /// <summary>Whether one of the step's targets does not exist, and might be the way out.</summary>
    private bool Misses(string step) => Edge.Of(_index[step]).Any(e => !_index.Contains(e.To));

    private static string Quote(IEnumerable<string> names)
    {
        var all = names.ToList();
        return string.Join(", ", all.Take(5).Select(n => $"'{n}'")) + (all.Count > 5 ? $" and {all.Count - 5} more" : "");
    }
}
