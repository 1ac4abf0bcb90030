using Fanfare.Contracts;

namespace Fanfare.Simulation.Flows;

/// <summary>A reference interpreter: runs a flow by recursion over its spec, one branch after another, and knows nothing of streams, leases
/// or the compiled graph. It says what each task must put out and how the run must end when no operator interferes.</summary>
internal sealed class Oracle
{
    private readonly FlowSpec _spec;

    private Oracle(FlowSpec spec) => _spec = spec;

    /// <summary>Output digest ("v") of every task that may run, by name; null for one whose error is caught, or that fails.</summary>
    public Dictionary<string, Expected> Tasks { get; } = [];

    public RunStatus Status { get; private set; }

    /// <summary>Whether just the tasks in <see cref="Tasks"/> run; else some of them may be left out.</summary>
    public bool Exact { get; private set; } = true;

    public static Oracle Of(FlowSpec spec)
    {
        var oracle = new Oracle(spec);
        var end = oracle.Walk(new Place(spec.Start, [], [0], false), []);
        oracle.Status = end.Failed ? RunStatus.Failed : RunStatus.Succeeded;
        var late = spec.Timeout is not null && spec.Steps.Any(s => TaskBehaviour.Of(s).Ms > 1_000_000);
        if (late) (oracle.Status, oracle.Exact) = (RunStatus.Failed, false);
        if (end.Failed) oracle.Exact = false;
        var handlers = oracle.Status == RunStatus.Failed ? spec.OnFailure.Concat(spec.Finally) : spec.Finally;
        foreach (var handler in handlers)
            if (oracle.Walk(new Place(handler, [], [0], false), []).Failed) oracle.Status = RunStatus.Failed;
        return oracle;
    }

    // Follows one line of control from a place to the end, to the join of its frame, or to a failure that leaves the frame.
    private Outcome Walk(Place place, IReadOnlyList<string> inputs, string? item = null)
    {
        // The way here, without the rounds that were gone back over: a case that leads to a step on it goes round again.
        var path = new List<string>();
        while (true)
        {
            var step = _spec.Step(place.Step)!;
            path.Add(step.Name);
            var behaviour = TaskBehaviour.Of(step);
            var (name, round) = (place.Name, place.Loops[^1]);
            var caught = false;
            if (behaviour.IsHopeless(step, place.Splits.Length > 0 ? place.Splits[^1] : 0))
            {
                if (step.CatchOutput is null || step.Next is Switch or Foreach) return Fail(name);
                caught = true;
            }
            var value = caught ? "caught" : TaskBehaviour.Digest(step, name, item, inputs);
            switch (step.Next)
            {
                case null:
                    Tasks[name] = new Expected(value, true);
                    return new Outcome(false, null, value);
                case GoTo next:
                    Tasks[name] = new Expected(value, true);
                    if (_spec.Step(next.Step)!.Join is not null) return new Outcome(false, next.Step, value);
                    (place, inputs) = (place with { Step = next.Step }, [value]);
                    break;
                case Switch choice:
                    var word = behaviour.Choice(name, round);
                    var target = choice.Cases.FirstOrDefault(c => c.Value == word)?.Step ?? choice.Default;
                    if (target is null) return Fail(name);
                    if (path.IndexOf(target) is >= 0 and var again)
                    {
                        if (round >= choice.MaxLoops) return Fail(name);
                        place = place with { Loops = [.. place.Loops[..^1], round + 1] };
                        path.RemoveRange(again, path.Count - again);
                    }
                    Tasks[name] = new Expected(value, true);
                    if (_spec.Step(target)!.Join is not null) return new Outcome(false, target, value);
                    (place, inputs) = (place with { Step = target }, [value]);
                    break;
                case StaticSplit split:
                    Tasks[name] = new Expected(value, true);
                    var branches = split.Steps.Select(b => Walk(place with { Step = b, Loops = [.. place.Loops, 0] }, [value], item)).ToList();
                    if (Join(branches, ref place, ref inputs) is { } broken) return broken;
                    break;
                case Foreach each:
                    Tasks[name] = new Expected(value, true);
                    var (count, itemAt) = Items(each.Over, behaviour, name);
                    var members = Enumerable.Range(0, count).Select(i =>
                        Walk(new Place(each.Step, [.. place.Splits, i], [.. place.Loops, 0], true), [value], itemAt(i))).ToList();
                    if (count == 0) (place, inputs) = (place with { Step = JoinAfter(each.Step) }, []);
                    else if (Join(members, ref place, ref inputs) is { } failed) return failed;
                    break;
            }
        }
    }

    private Outcome Fail(string name)
    {
        Tasks[name] = new Expected(null, false);
        return new Outcome(true, null, null);
    }

    private Outcome? Join(IReadOnlyList<Outcome> members, ref Place place, ref IReadOnlyList<string> inputs)
    {
        var name = members.FirstOrDefault(m => m.Join is not null)?.Join ?? JoinAfterAny(place);
        var join = _spec.Step(name)!.Join!;
        var failed = members.Count(m => m.Failed);
        var needed = Math.Min(join.Count, members.Count);
        if (join.Kind == JoinKind.Any && members.Count > needed) Exact = false;
        if (join.Kind == JoinKind.All ? failed > 0 : join.Kind == JoinKind.Any ? members.Count - failed < needed : failed > join.Count)
        {
            Exact = false;
            return new Outcome(true, null, null);
        }
        place = place with { Step = name };
        inputs = [.. members.Where(m => !m.Failed).Select(m => m.Value!)];
        return null;
    }

    private string JoinAfterAny(Place opener) => JoinAfter(_spec.Step(opener.Step)!.Next switch
    {
        StaticSplit split => split.Steps[0],
        Foreach each => each.Step,
        _ => throw new InvalidOperationException($"{opener.Step} opens nothing."),
    });

    // The join that closes the split which the step is the first of.
    private string JoinAfter(string step)
    {
        var (depth, seen) = (0, new HashSet<(string, int)>());
        var open = new Stack<(string Step, int Depth)>([(step, depth)]);
        while (open.TryPop(out var at))
        {
            if (!seen.Add(at)) continue;
            var spec = _spec.Step(at.Step)!;
            depth = at.Depth;
            if (spec.Join is not null && at.Step != step && depth-- == 0) return at.Step;
            switch (spec.Next)
            {
                case GoTo next: open.Push((next.Step, depth)); break;
                case Switch choice:
                    foreach (var c in choice.Cases) open.Push((c.Step, depth));
                    break;
                case StaticSplit split: open.Push((split.Steps[0], depth + 1)); break;
                case Foreach each: open.Push((each.Step, depth + 1)); break;
            }
        }
        throw new InvalidOperationException($"No join closes the split of {step}.");
    }

    private static (int Count, Func<int, string> Item) Items(ForeachSource over, TaskBehaviour behaviour, string name) => over switch
    {
        OverRange range => ((int)((range.Stop - range.Start + range.Step - 1) / range.Step), i => (range.Start + (i * range.Step)).ToString(System.Globalization.CultureInfo.InvariantCulture)),
        _ when behaviour.Form == "count" => (behaviour.Count(name), i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        _ => (behaviour.Count(name), i => TaskBehaviour.Item(name, i)),
    };

    /// <param name="Splits">All splits, outermost first; of a step outside any foreach none.</param>
    private sealed record Place(string Step, int[] Splits, int[] Loops, bool InForeach)
    {
        public string Name => Splits.Length == 0
            ? new StepKey(Step, SplitPath.Empty, new SplitPath(Loops)).ToString()
            : TaskRef.NameOf(new StepKey(Step, new SplitPath(Splits[..^1]), new SplitPath(Loops)), Splits[^1], true);
    }

    private sealed record Outcome(bool Failed, string? Join, string? Value);
}

/// <summary>What a task must come to.</summary>
internal sealed record Expected(string? Value, bool Succeeds);
