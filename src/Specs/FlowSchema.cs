namespace Fanfare.Specs;

/// <summary>The JSON Schema (2020-12) of the flows that authors write; editors use it to complete and check.</summary>
public static class FlowSchema
{
    private static readonly Lazy<string> Loaded = new(Load);

    public static string Text => Loaded.Value;

    private static string Load()
    {
        using var stream = typeof(FlowSchema).Assembly.GetManifestResourceStream("flow.schema.json")
            ?? throw new InvalidOperationException("The schema flow.schema.json is not part of this build.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
