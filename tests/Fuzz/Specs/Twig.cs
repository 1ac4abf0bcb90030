namespace Fanfare.Fuzz.Specs;

/// <summary>A node of a flow's document before it is written down. Unlike JSON's trees it can hold a key twice, and any scalar.</summary>
internal abstract record Twig
{
    public abstract Twig Copy();
}

/// <param name="Plain">To be written without quotes where the form allows it.</param>
internal sealed record Leaf(string Text, bool Plain) : Twig
{
    public override Twig Copy() => this;
}

internal sealed record ListTwig(List<Twig> Items) : Twig
{
    public override Twig Copy() => new ListTwig([.. Items.Select(i => i.Copy())]);
}

internal sealed record MapTwig(List<(string Key, Twig Value)> Entries) : Twig
{
    public override Twig Copy() => new MapTwig([.. Entries.Select(e => (e.Key, e.Value.Copy()))]);

    public Twig? this[string key] => Entries.Where(e => e.Key == key).Select(e => e.Value).FirstOrDefault();
}
