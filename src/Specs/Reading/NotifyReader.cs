using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Templates;

namespace Fanfare.Specs.Reading;

/// <summary>Who is told of what becomes of a flow.</summary>
internal static class NotifyReader
{
    public static IReadOnlyList<NotifySpec>? Read(Value value)
    {
        var items = value.AsList("a list of rules, each with 'on' and 'to'");
        return items is null or { Count: 0 } ? null : [.. items.Select(Rule).OfType<NotifySpec>()];
    }

    /// <summary>A template of a title or text, if it is one.</summary>
    public static string? Template(Value? value, int most)
    {
        if (value?.AsWord("a text") is not { } text) return null;
        if (NoticeTemplate.Read(text, most).Fault is not { } fault) return text;
        value.Complain($"The template is wrong. {fault.Message}", fault.Remedy);
        return null;
    }

    private static NotifySpec? Rule(Value value)
    {
        value.Register(value.Node.Place);
        if (Fields.Of(value, "a rule of 'notify'", FieldNames.Notify) is not { } fields) return null;
        var on = fields.Required("on", $"Say of what: {string.Join(", ", KindWords.All.Keys)}, or a list of some.");
        var to = fields.Required("to", "Name a receiver of the server, or a list of some.");
        if (on is null || to is null) return null;
        NotifySpec rule = new()
        {
            On = [.. on.AsListOrOne().Select(Kind).OfType<NoticeKind>()],
            To = [.. to.AsListOrOne().Select(item => item.AsName("a receiver")).OfType<string>()],
            Within = fields["within"]?.AsDuration(TimeSpan.FromSeconds(1)),
            Title = Template(fields["title"], Limits.TitleTemplateChars),
            Text = Template(fields["text"], Limits.TextTemplateChars),
        };
        // What stands there and is wrong was complained of; an empty list was not.
        if (on is { IsList: true } && on.AsListOrOne().Count == 0) on.Complain("The rule is about nothing.", "Name what it is about.");
        if (to is { IsList: true } && to.AsListOrOne().Count == 0) to.Complain("The rule tells nobody.", "Name a receiver.");
        return rule.On.Count == 0 || rule.To.Count == 0 ? null : rule;
    }

    private static NoticeKind? Kind(Value value)
    {
        var rule = $"one of {string.Join(", ", KindWords.All.Keys)}";
        if (value.AsText(rule) is not { } text) return null;
        if (KindWords.All.TryGetValue(text, out var kind)) return kind;
        value.Wrong(rule, NearestName.Of(text, KindWords.All.Keys) is { } near ? $"Did you mean '{near}'?" : "Choose one of them, or a list of some.");
        return null;
    }
}
