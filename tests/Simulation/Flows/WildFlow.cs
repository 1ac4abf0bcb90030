using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Flows;

/// <summary>Draws a flow in which splits, switches and loops nest in each other.</summary>
internal sealed class WildFlow
{
    private readonly Chance _chance;
    private readonly FlowDraft _draft = new("wild");
    private int _steps;

    private WildFlow(Chance chance) => _chance = chance;

    public static FlowDraft Draw(Chance chance)
    {
        var wild = new WildFlow(chance);
        wild._draft.Task("start");
        var last = wild.Blocks("start", 0);
        wild._draft.Task("end");
        wild._draft.Next(last, "end");
        if (chance.Roll(0.5)) wild._draft.Handlers(["rescue"], ["cleanup"]);
        return wild._draft;
    }

    // Puts blocks after a step that leads nowhere yet; returns the last step, which leads nowhere yet.
    private string Blocks(string from, int depth)
    {
        for (var i = _chance.Between(1, depth == 0 ? 3 : 2); i > 0; i--) from = Block(from, depth);
        return from;
    }

    private string Block(string from, int depth)
    {
        switch (depth >= 3 || _steps > 25 ? 0 : _chance.Int(6))
        {
            case 1:
                var (body, inner) = (Name("b"), Name("o"));
                var form = _chance.Int(3);
                Plain(from, inner, form == 0 ? "" : $"items={_chance.Pick(["0", "1", "3", "h4"])} form={_chance.Pick(["list", "count", "file"])}");
                _draft.Each(inner, body, form == 0 ? _chance.Int(4) : null);
                _draft.Task(body, Does());
                return Joined(Blocks(body, depth + 1));
            case 2:
                var (opener, branches) = (Name("s"), _chance.Between(2, 3));
                Plain(from, opener, "");
                var firsts = Enumerable.Range(0, branches).Select(_ => Name("p")).ToArray();
                foreach (var first in firsts) _draft.Task(first, Does());
                _draft.Split(opener, firsts);
                var join = Name("j");
                var lasts = firsts.Select(f => _chance.Roll(0.5) ? f : Blocks(f, depth + 1)).ToList();
                MakeJoin(join, branches);
                foreach (var last in lasts) _draft.Next(last, join);
                return join;
            case 3:
                var (choice, left, right, meet) = (Name("c"), Name("l"), Name("r"), Name("m"));
                Plain(from, choice, "verdict=x/y");
                _draft.Task(left).Task(right);
                _draft.Choose(choice, 0, ("x", left), ("y", right));
                var (leftEnd, rightEnd) = (Blocks(left, depth + 1), right);
                _draft.Task(meet).Next(leftEnd, meet).Next(rightEnd, meet);
                return meet;
            case 4:
                var (head, tail, exit) = (Name("h"), Name("t"), Name("x"));
                Plain(from, head, "");
                var end = _chance.Roll(0.5) ? head : Blocks(head, depth + 1);
                Plain(end, tail, $"verdict=again*{_chance.Int(3)}/done");
                _draft.Choose(tail, 3, ("again", head), ("done", exit));
                _draft.Task(exit);
                return exit;
            default:
                var step = Name("a");
                Plain(from, step, Does());
                return step;
        }
    }

    private string Joined(string last)
    {
        var join = Name("j");
        MakeJoin(join, 3);
        _draft.Next(last, join);
        return join;
    }

    private void MakeJoin(string join, int members)
    {
        var kind = _chance.Int(8) switch { 0 => JoinKind.Any, 1 => JoinKind.Tolerate, _ => JoinKind.All };
        _draft.Join(join, "", null, kind, kind == JoinKind.Any ? _chance.Between(1, Math.Min(2, members)) : 1);
    }

    private void Plain(string from, string step, string does)
    {
        _draft.Task(step, does, attempts: does.Contains("flaky", StringComparison.Ordinal) ? 2 : 1);
        _draft.Next(from, step);
    }

    private string Does() => _chance.Int(14) switch { 0 => "bad=1", 1 => "ms=1500", 2 => "ms=0", _ => "" };

    private string Name(string kind) => $"{kind}{++_steps}";
}
