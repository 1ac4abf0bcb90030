using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Specs.Templates;

namespace Fanfare.Notices.Texts;

/// <summary>What a receiver is told, in its words.</summary>
/// <param name="Title">One line.</param>
/// <param name="Url">Page of the run; null where there is none.</param>
/// <param name="Data">The payload, an object.</param>
internal sealed record Message(Notice Notice, string Title, string Text, Uri? Url, JsonElement Data)
{
    public string Kind => KindWords.Of(Notice.Kind);

    /// <summary>Fills in the templates: the rule's, else the receiver's, else those of what happened. With one that cannot be, the last, and says so.</summary>
    /// <param name="address">Where people reach the server; null for no links.</param>
    /// <param name="quote">What is not from a template is put so.</param>
    public static Message Of(Notice notice, ReceiverSpec receiver, Uri? address, Func<string, string> quote)
    {
        var data = DataOf(notice);
        var url = UrlOf(address, data);
        var values = new TemplateValues(notice, url, quote);
        var (title, titleFault) = Fill(notice.Title ?? receiver.Title, DefaultTexts.Title(notice.Kind), values, Limits.TitleTemplateChars, Limits.TitleChars);
        var (text, textFault) = Fill(notice.Text ?? receiver.Text, DefaultTexts.Text(notice.Kind), values, Limits.TextTemplateChars, Limits.TextChars);
        foreach (var (part, own, fault) in new[] { ("title", notice.Title, titleFault), ("text", notice.Text, textFault) })
            if (fault is not null) text = $"{text.TrimEnd()}\n\n(The {part} that {(own is null ? "the receiver" : "the flow")} has for this could not be filled in. {quote(fault)})";
        return new Message(notice, OneLine(title) is { Length: > 0 } line ? line : $"{quote(notice.Flow)}: {KindWords.Of(notice.Kind)}", text.Trim(), url, data);
    }

    /// <summary>As the payload's times are written.</summary>
    public static string TimeOf(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private static (string Text, string? Fault) Fill(string? own, string otherwise, TemplateValues values, int mostTemplate, int most)
    {
        string? fault = null;
        if (own is not null)
        {
            var (template, wrong) = NoticeTemplate.Read(own, mostTemplate);
            try
            {
                if (template is not null) return (template.Fill(values, most), null);
                fault = wrong!.Message;
            }
            catch (TemplateException error)
            {
                fault = error.Message;
            }
        }
        return (NoticeTemplate.Read(otherwise, Limits.TextTemplateChars).Template!.Fill(values, most), fault);
    }

    private static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            var blank = char.IsControl(c) || char.IsWhiteSpace(c);
            if (!blank) line.Append(c);
            else if (line.Length > 0 && line[^1] != ' ') line.Append(' ');
        }
        return line.ToString().TrimEnd();
    }

    private static Uri? UrlOf(Uri? address, JsonElement data) =>
        address is not null && data.TryGetProperty("run", out var run) && run.ValueKind == JsonValueKind.String ? new Uri($"{address.AbsoluteUri.TrimEnd('/')}/runs/{Uri.EscapeDataString(run.GetString()!)}") : null;

    // A payload that is none is no reason to tell nobody.
    private static JsonElement DataOf(Notice notice)
    {
        try
        {
            using var document = JsonDocument.Parse(notice.Payload);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return Nothing();
        }
        return Nothing();

        static JsonElement Nothing()
        {
            using var empty = JsonDocument.Parse("{}");
            return empty.RootElement.Clone();
        }
    }
}
