namespace Fanfare.Specs.Yaml;

/// <summary>A place in the text; both count from 1.</summary>
internal readonly record struct Place(int Line, int Column);

/// <summary>A node of a document, and where it begins.</summary>
internal abstract record YamlNode(Place Place)
{
    /// <summary>What the node is, for error messages.</summary>
    public abstract string Kind { get; }
}

/// <param name="Plain">Written without quotes, so that it may mean a number, a bool or null.</param>
internal sealed record YamlScalar(Place Place, string Text, bool Plain) : YamlNode(Place)
{
    public bool IsNull => Plain && Text is "" or "~" or "null" or "Null" or "NULL";

    public override string Kind => IsNull ? "nothing" : $"'{(Text.Length <= 40 ? Text : Text[..37] + "...")}'";
}

internal sealed record YamlList(Place Place, IReadOnlyList<YamlNode> Items) : YamlNode(Place)
{
    public override string Kind => "a list";
}

internal sealed record YamlMapping(Place Place, IReadOnlyList<YamlEntry> Entries) : YamlNode(Place)
{
    public override string Kind => "a mapping";
}

internal sealed record YamlEntry(string Key, Place KeyPlace, YamlNode Value);
