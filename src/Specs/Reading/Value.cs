using Fanfare.Contracts;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>A node on its way to a typed value. Each <c>As…</c> gives the value, or complains and gives null.</summary>
internal sealed class Value(YamlNode node, Value? parent, string segment, Complaints complaints)
{
    private const string TextRule = "a text";
    private const int LongestSegment = 64;

    public YamlNode Node => node;

    public Complaints Complaints => complaints;

    /// <summary>Where the value stands: <c>steps.train.next</c>; empty for the document. Made when asked for, since few are.</summary>
    public string Path => parent is null ? "" : parent.PathOf(segment);

    public bool IsScalar => Node is YamlScalar;

    public bool IsList => Node is YamlList;

    public bool IsMapping => Node is YamlMapping;

    public void Complain(string message, string remedy)
    {
        if (node is not YamlRefused) complaints.Add(node.Place, () => (Path, message, remedy));
    }

    public void Wrong(string expected, string remedy)
    {
        if (node is not YamlRefused) complaints.Add(node.Place, () => (Path, $"'{Last}' is {node.Kind}; it must be {expected}.", remedy));
    }

    /// <summary>Any scalar but null, as written.</summary>
    public string? AsText(string rule = TextRule)
    {
        if (Node is YamlScalar { IsNull: false } scalar) return scalar.Text;
        Wrong(rule, $"Give {rule}.");
        return null;
    }

    /// <summary>A text that is not empty and holds no NUL.</summary>
    public string? AsWord(string rule)
    {
        var text = AsText(rule);
        if (text is null || (text.Length > 0 && !text.Contains('\0', StringComparison.Ordinal))) return text;
        Wrong(rule, $"Give {rule}.");
        return null;
    }

    /// <summary>A name by <see cref="Names.Rule"/>.</summary>
    public string? AsName(string what)
    {
        var text = AsText(what);
        if (text is null || Names.IsValid(text)) return text;
        Complain($"{Node.Kind} is no valid name of {what}: {Names.Rule}.", "Choose a name of that form.");
        return null;
    }

    public bool? AsBool()
    {
        if (Node is YamlScalar { Plain: true } scalar && PlainScalar.TryBool(scalar.Text, out var value)) return value;
        Wrong("true or false", "Write true or false, without quotes.");
        return null;
    }

    public long? AsInteger(long least, long most)
    {
        if (Node is YamlScalar { Plain: true } scalar && PlainScalar.TryInteger(scalar.Text, out var value) && value >= least && value <= most) return value;
        Wrong($"an integer from {least} to {most}", "Give a number in that range, without quotes.");
        return null;
    }

    public int? AsInt(int least, int most) => (int?)AsInteger(least, most);

    public double? AsNumber(double least, double most)
    {
        if (Node is YamlScalar { Plain: true } scalar && PlainScalar.TryNumber(scalar.Text, out var value) && value >= least && value <= most) return value;
        Wrong(FormattableString.Invariant($"a number from {least} to {most}"), "Give a number in that range, without quotes.");
        return null;
    }

    public TimeSpan? AsDuration(TimeSpan least)
    {
        if (Node is YamlScalar { IsNull: false } scalar && Units.TryDuration(scalar.Text, out var value) && value >= least && value <= Units.LongestDuration) return value;
        Wrong($"a duration like 500ms, 30s, 5m, 2h, 1d or 1h30m, from {(least > TimeSpan.Zero ? "1ms" : "0s")} to {Units.LongestDuration.Days}d", "Give a number with its unit.");
        return null;
    }

    public long? AsBytes()
    {
        if (Node is YamlScalar { IsNull: false } scalar && Units.TryBytes(scalar.Text, out var value)) return value;
        Wrong("a size like 512MiB, 1GiB or 100MB, or a number of bytes", "Give a number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.");
        return null;
    }

    /// <summary>A path inside a directory: relative, with forward slashes, without <c>..</c>.</summary>
    public string? AsRelativePath()
    {
        const string rule = "a relative path with forward slashes that does not lead out with '..'";
        var text = AsWord(rule);
        if (text is null) return null;
        var parts = text.Split('/');
        if (text[0] != '/' && !text.Contains('\\', StringComparison.Ordinal) && !parts.Contains("..")) return text;
        Wrong(rule, "Give a path below that directory.");
        return null;
    }

    /// <summary>The items of a list, each under its own path.</summary>
    public IReadOnlyList<Value>? AsList(string rule)
    {
        if (Node is not YamlList list)
        {
            Wrong(rule, $"Give {rule}.");
            return null;
        }
        return [.. list.Items.Select(Item)];
    }

    /// <summary>The items of a list, or the one thing that stands without a list.</summary>
    public IReadOnlyList<Value> AsListOrOne() => Node is YamlList list ? [.. list.Items.Select(Item)] : [this];

    /// <summary>The names of steps in a list, or the one that stands without a list; their places are remembered.</summary>
    public IReadOnlyList<string> AsStepNames()
    {
        var names = new List<string>();
        foreach (var item in AsListOrOne())
        {
            item.Register(item.Node.Place);
            if (item.AsWord("the name of a step") is { } name) names.Add(name);
        }
        return names;
    }

    /// <summary>The entries of a mapping whose keys the author chooses.</summary>
    public IReadOnlyList<(string Key, Value Value)>? AsEntries(string rule)
    {
        if (Node is not YamlMapping mapping)
        {
            Wrong(rule, $"Give {rule}.");
            return null;
        }
        return [.. mapping.Entries.Select(e => (e.Key, Member(e)))];
    }

    /// <summary>The path of one of this value's fields or items.</summary>
    public string PathOf(string member)
    {
        if (member.Length == 0) member = "''";
        if (member.Length > LongestSegment) member = member[..(LongestSegment - 3)] + "...";
        var path = Path;
        return path.Length == 0 || member[0] == '[' ? path + member : $"{path}.{member}";
    }

    /// <summary>The value of an entry, whose place is remembered for errors of the graph.</summary>
    public Value Member(YamlEntry entry)
    {
        var member = new Value(entry.Value, this, entry.Key, complaints);
        member.Register(entry.Value is YamlScalar { IsNull: false } ? entry.Value.Place : entry.KeyPlace);
        return member;
    }

    /// <summary>The same value with another node in its place.</summary>
    public Value With(YamlNode other) => new(other, parent, segment, complaints);

    public void Register(Place place) => complaints.Register(Path, place);

    private Value Item(YamlNode item, int index) => new(item, this, $"[{index}]", complaints);

    private string Last => Path is { Length: > 0 } path ? path[(path.LastIndexOf('.') + 1)..] : "the document";
}
