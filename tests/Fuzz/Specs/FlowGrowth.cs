using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Fanfare.Fuzz.Kernel;

namespace Fanfare.Fuzz.Specs;

/// <summary>Valid flows of any shape, grown by FsCheck: steps in a row, splits and foreach within each other, switches and loops.</summary>
internal static class FlowGrowth
{
    /// <summary>A part of a flow: what it is made of, from which its steps are named and chained afterwards.</summary>
    private abstract record Part;

    private sealed record One(int Flavour) : Part;

    private sealed record Row(IReadOnlyList<Part> Parts) : Part;

    private sealed record Branches(IReadOnlyList<Part> Parts, int Policy) : Part;

    private sealed record Each(Part Body, int Source, int Policy) : Part;

    private sealed record Choice(Part Left, Part Right, bool Loops) : Part;

    private static readonly Gen<Part> Parts = Gen.Sized(Grow);

    public static MapTwig Of(Draw draw)
    {
        var part = Parts.Sample(1, new Rnd(draw.Next()), draw.Between(1, 12)).Single();
        var steps = new List<(string Key, Twig Value)>();
        var first = Plant(new Row([new One(0), part]), null, steps);
        return new MapTwig([("name", new Leaf("grown", true)), ("start", new Leaf(first, true)), ("steps", new MapTwig(steps))]);
    }

    private static Gen<Part> Grow(int size)
    {
        var one = Gen.Choose(0, 9).Select(f => (Part)new One(f));
        if (size <= 1) return one;
        Gen<Part> inner = Grow(size / 2), small = Grow(size / 3);
        return Gen.OneOf(
            one,
            Gen.Two(inner).Select(p => (Part)new Row([p.Item1, p.Item2])),
            Gen.Two(small).SelectMany(p => Gen.Choose(0, 3).Select(policy => (Part)new Branches([p.Item1, p.Item2], policy))),
            inner.SelectMany(p => Gen.Choose(0, 3).SelectMany(source => Gen.Choose(0, 3).Select(policy => (Part)new Each(p, source, policy)))),
            Gen.Two(small).SelectMany(p => Gen.Choose(0, 1).Select(loops => (Part)new Choice(p.Item1, p.Item2, loops == 1))));
    }

    /// <summary>Makes the part's steps, which go on to <paramref name="next"/>, and returns the name of the first.</summary>
    private static string Plant(Part part, string? next, List<(string Key, Twig Value)> steps)
    {
        switch (part)
        {
            case Row row:
                foreach (var piece in row.Parts.Reverse()) next = Plant(piece, next, steps);
                return next!;
            case Branches branches:
                var join = Step(steps, Plain("a"), Goes(next), ("join", Policy(branches.Policy)));
                return Step(steps, Plain("b"), ("next", new ListTwig([.. branches.Parts.Select(p => (Twig)new Leaf(Plant(p, join, steps), true))])));
            case Each each:
                var gather = Step(steps, Plain("c"), Goes(next), ("join", Policy(each.Policy)));
                var body = Plant(each.Body, gather, steps);
                return Step(steps, Plain("d"), ("next", new MapTwig([("foreach", new Leaf(body, true)), ("over", Source(each.Source))])));
            case Choice choice:
                var after = Step(steps, Plain("e"), Goes(next));
                var (left, right) = (Plant(choice.Left, after, steps), Plant(choice.Right, after, steps));
                return Step(steps, Plain("f"), ("next", new MapTwig([("switch", new Leaf("way", true)), ("cases", new MapTwig([("l", new Leaf(left, true)), ("7", new Leaf(right, true))])), ("default", new Leaf(after, true))])));
            case One one:
                return Step(steps, Plain("g"), Goes(next), one.Flavour switch
                {
                    1 => ("timeout", new Leaf("1h", true)),
                    2 => ("retry", new Leaf("2", true)),
                    3 => ("resources", new MapTwig([("memory", new Leaf("1GiB", true))])),
                    4 => ("catch", new Leaf("true", true)),
                    5 => ("env", new MapTwig([("A", new Leaf("b: c", false))])),
                    6 => ("description", new Leaf("é 😀", false)),
                    _ => null,
                });
            default:
                throw new InvalidOperationException($"Unknown part {part}.");
        }
    }

    private static string Step(List<(string Key, Twig Value)> steps, params (string Key, Twig Value)?[] fields)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"s{steps.Count}");
        steps.Add((name, new MapTwig([.. fields.OfType<(string, Twig)>()])));
        return name;
    }

    private static (string, Twig)? Plain(string command) => ("run", new Leaf(command, true));

    private static (string, Twig)? Goes(string? next) => next is null ? null : ("next", new Leaf(next, true));

    private static Twig Policy(int kind) => kind switch
    {
        0 => new MapTwig([("any", new Leaf("1", true))]),
        1 => new MapTwig([("tolerate", new Leaf("0", true))]),
        _ => new Leaf("all", true),
    };

    private static Twig Source(int kind) => kind switch
    {
        0 => new MapTwig([("range", new Leaf("3", true))]),
        1 => new Leaf("items", true),
        2 => new MapTwig([("file", new Leaf("a/b.jsonl", true))]),
        _ => new MapTwig([("range", new ListTwig([new Leaf("9", true), new Leaf("-9", true), new Leaf("-4", true)]))]),
    };
}
