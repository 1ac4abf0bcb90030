using Fanfare.Contracts;
using Fanfare.Specs.Reading;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs;

/// <summary>Reads the file of webhooks that a server is given, as YAML or JSON (docs/triggers.md).</summary>
public static class WebhookFileReader
{
    private const string Words = "letters, digits, '-', '_' and '.'";

    private static readonly string[] Known = ["event", "namespace", "scheme", "secrets", "tolerance"];

    private static readonly Dictionary<string, WebhookScheme> Schemes = new() { ["standard"] = WebhookScheme.Standard, ["github"] = WebhookScheme.GitHub };

    /// <summary>Whatever the text is, this returns: every error is in the result, with line, column, path, rule and remedy.</summary>
    /// <returns>The webhooks, or errors; never both.</returns>
    public static (IReadOnlyList<WebhookSpec> Hooks, IReadOnlyList<SpecError> Errors) Read(string text)
    {
        var complaints = new Complaints();
        var hooks = YamlTree.Read(text.TrimStart('\uFEFF'), complaints) is { } root
            ? (new Value(root, null, "", complaints).AsEntries("a mapping of names to webhooks") ?? []).Select(entry => Read(entry.Key, entry.Value)).OfType<WebhookSpec>().ToList()
            : [];
        return complaints.Count == 0 ? (hooks, []) : ([], complaints.Sorted());
    }

    private static WebhookSpec? Read(string name, Value value)
    {
        if (!Names.IsValid(name)) value.Complain($"'{name}' is no valid name of a webhook: {Names.Rule}.", "Choose a name of that form.");
        if (Fields.Of(value, "a webhook", Known) is not { } fields) return null;
        var named = fields.Required("event", "Name the event that each of its requests is.");
        var secrets = fields.Required("secrets", "Give {env: NAME} or {file: PATH}: where the secret is that its requests are signed with.");
        if (named?.AsWord("the name of an event") is not { } told || secrets is null) return null;
        if (!Names.IsEvent(told)) named.Complain($"'{told}' is no name of an event: {Names.EventRule}.", "Choose another.");
        var plain = new WebhookSpec { Name = name, Event = told };
        var ns = fields["namespace"]?.AsWord("the name of a namespace") ?? plain.Namespace;
        if (!Names.IsValid(ns)) fields["namespace"]!.Complain($"'{ns}' is no name of a namespace: {Names.Rule}.", $"Use {Words}.");
        return plain with
        {
            Namespace = ns,
            Scheme = Scheme(fields["scheme"]),
            Secrets = [.. secrets.AsListOrOne().Select(SecretReader.Place).OfType<SecretPlace>()],
            Tolerance = fields["tolerance"]?.AsDuration(TimeSpan.FromSeconds(1)) ?? plain.Tolerance,
        };
    }

    private static WebhookScheme Scheme(Value? value)
    {
        if (value?.AsWord("a scheme") is not { } word) return WebhookScheme.Standard;
        if (Schemes.TryGetValue(word, out var scheme)) return scheme;
        value.Complain($"There is no scheme '{word}'.", $"Use one of: {string.Join(", ", Schemes.Keys)}.");
        return WebhookScheme.Standard;
    }
}
