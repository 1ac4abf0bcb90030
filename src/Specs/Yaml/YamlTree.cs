using Fanfare.Contracts;
using Fanfare.Specs.Reading;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Fanfare.Specs.Yaml;

/// <summary>Builds the tree of one document from parser events. The tree is never larger than the text: aliases, which
/// could make it so, are refused; and it is never deeper than <see cref="Limits.MaxNesting"/>.</summary>
internal sealed class YamlTree
{
    private readonly Parser _parser;
    private readonly Complaints _complaints;
    private readonly List<string> _path = [];

    private YamlTree(string text, Complaints complaints)
    {
        _parser = new Parser(new StringReader(text));
        _complaints = complaints;
    }

    /// <summary>The document's root; null when it could not be read to its end, which is then among the complaints.</summary>
    public static YamlNode? Read(string text, Complaints complaints)
    {
        var tree = new YamlTree(text, complaints);
        try
        {
            return tree.Document();
        }
        catch (YamlException e)
        {
            if (e.Message.Contains(" tab ", StringComparison.Ordinal) && IndentingTab(text) is { } tab)
                complaints.Add(tab, "", "A tab indents this line; YAML is indented with spaces.", "Replace the tab with spaces.");
            else
                complaints.Add(PlaceOf(e.Start), "", $"The text is not valid YAML or JSON: {Sentence(e)}", "Mend the syntax here or on the lines before.");
            return null;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException or OverflowException or IndexOutOfRangeException)
        {
            // What the YAML library throws at escapes and indents that no YAML has.
            complaints.Add(PlaceOf(tree._parser.Current?.End ?? Mark.Empty), "", "The text is not valid YAML or JSON after this place.", "Mend the syntax here or on the lines that follow.");
            return null;
        }
    }

    /// <summary>The first tab in a line's indent; the YAML library tells only where the mapping around it begins.</summary>
    private static Place? IndentingTab(string text)
    {
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var indent = lines[i].AsSpan(0, lines[i].Length - lines[i].AsSpan().TrimStart(" \t").Length);
            if (indent.IndexOf('\t') is >= 0 and var column) return new Place(i + 1, column + 1);
        }
        return null;
    }

    private static string Sentence(YamlException error)
    {
        var message = (error.InnerException ?? error).Message.TrimEnd('.');
        return message.Length == 0 ? "it cannot be read." : $"{message}.";
    }

    private YamlNode? Document()
    {
        Next();
        if (Next() is not DocumentStart)
        {
            _complaints.Add(new Place(1, 1), "", "The text is empty; a flow has at least 'name' and 'steps'.", "Write the flow.");
            return null;
        }
        Next();
        if (Node(1) is not { } root) return null;
        if (Next() is not DocumentEnd || Next() is not DocumentStart second) return root;
        _complaints.Add(PlaceOf(second.Start), "", "A second document begins here; a text holds one flow.", "Put the second flow into a file of its own.");
        return root;
    }

    private ParsingEvent? Next() => _parser.MoveNext() ? _parser.Current : null;

    /// <summary>Reads the node whose first event is current, up to and including its last event; null to stop reading.</summary>
    private YamlNode? Node(int depth)
    {
        var current = _parser.Current!;
        var place = PlaceOf(current.Start);
        if (depth > Limits.MaxNesting)
        {
            Complain(place, $"The document is nested deeper than {Limits.MaxNesting} levels, which is the most.", "Make it flatter.");
            return null;
        }
        if (current is NodeEvent { Tag.IsEmpty: false } tagged)
            Complain(place, $"The tag '{Cut(tagged.Tag.ToString())}' is not supported; a flow uses plain values.", "Remove the tag; quote the value to make it a string.");
        switch (current)
        {
            case AnchorAlias alias:
                Complain(place, $"The alias '*{Cut(alias.Value.Value)}' is not supported; a flow is written without aliases.", "Write the value out.");
                return new YamlRefused(place);
            case Scalar scalar:
                return new YamlScalar(place, scalar.Value, scalar.Style == ScalarStyle.Plain);
            case SequenceStart:
                return List(place, depth);
            case MappingStart:
                return Mapping(place, depth);
            default:
                throw new InvalidOperationException($"A {current.GetType().Name} begins no node.");
        }
    }

    private YamlList? List(Place place, int depth)
    {
        var items = new List<YamlNode>();
        while (Next() is not SequenceEnd)
        {
            _path.Add($"[{items.Count}]");
            if (Node(depth + 1) is not { } item) return null;
            _path.RemoveAt(_path.Count - 1);
            items.Add(item);
        }
        return new YamlList(place, items);
    }

    private YamlMapping? Mapping(Place place, int depth)
    {
        var entries = new List<YamlEntry>();
        var seen = new Dictionary<string, Place>();
        while (Next() is not MappingEnd)
        {
            if (Node(depth + 1) is not { } key) return null;
            Next();
            _path.Add($".{(key is YamlScalar { Text: var text } ? Cut(text) : "?")}");
            if (Node(depth + 1) is not { } value) return null;
            if (key is not (YamlScalar or YamlRefused))
                Complain(key.Place, $"A key is {key.Kind}; keys are plain words.", "Use a word as the key.");
            else if (key is YamlScalar scalar && !seen.TryAdd(scalar.Text, scalar.Place))
                Complain(key.Place, $"The key {key.Kind} stands here again, after line {seen[scalar.Text].Line}; each key stands once.", "Remove one of them.");
            else if (key is YamlScalar once)
                entries.Add(new YamlEntry(once.Text, once.Place, value));
            _path.RemoveAt(_path.Count - 1);
        }
        return new YamlMapping(place, entries);
    }

    private void Complain(Place place, FormattableString message, string remedy) =>
        _complaints.Add(place, () => (string.Concat(_path).TrimStart('.'), FormattableString.Invariant(message), remedy));

    private static string Cut(string text) => text.Length <= 40 ? text : text[..37] + "...";

    private static Place PlaceOf(Mark mark) => new((int)Math.Clamp(mark.Line, 1, int.MaxValue), (int)Math.Clamp(mark.Column, 1, int.MaxValue));
}

/// <summary>Stands where something was refused already; nobody complains of it again.</summary>
internal sealed record YamlRefused(Place Place) : YamlNode(Place)
{
    public override string Kind => "something refused";
}
