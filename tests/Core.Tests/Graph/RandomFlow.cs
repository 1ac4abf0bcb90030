using System.Text;

namespace Fanfare.Core.Tests.Graph;

/// <summary>Draws flows that follow the rules: blocks of steps, splits, switches and loops inside each other.</summary>
internal sealed class RandomFlow(Random random)
{
    private readonly StringBuilder _lines = new();
    private int _steps;

    public string Sketch()
    {
        var first = Block("end", 3);
        return $"start > {first};{_lines}end";
    }

    /// <summary>Writes steps that end at <paramref name="after"/>, and gives the name of the first.</summary>
    private string Block(string after, int depth)
    {
        switch (depth == 0 ? 0 : random.Next(7))
        {
            case 1:
                return Line("", Block(after, depth - 1));
            case 2:
                var join = Line("!", after);
                return Line("", "*" + Block(join, depth - 1));
            case 3:
                var meet = Line("!", after);
                return Line("", string.Join(" & ", Enumerable.Range(0, random.Next(2, 4)).Select(_ => Block(meet, depth - 1))));
            case 4:
                return Line("", string.Join(" | ", Enumerable.Range(0, random.Next(2, 4)).Select(_ => Block(after, depth - 1))));
            case 5:
                var decide = Name();
                var first = Block(decide, depth - 1);
                var back = random.Next(2) == 0 ? first : Line("", first);
                _lines.Append(decide).Append(" > ").Append(back).Append(" | ").Append(after).Append(" ^3;");
                return first;
            default:
                return Line("", after);
        }
    }

    private string Line(string mark, string next)
    {
        var name = Name();
        _lines.Append(mark).Append(name).Append(" > ").Append(next).Append(';');
        return name;
    }

    private string Name() => $"s{_steps++}";
}
