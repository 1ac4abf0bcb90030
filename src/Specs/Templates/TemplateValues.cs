using System.Text.Json;
using Fanfare.Contracts;
using Fluid;

namespace Fanfare.Specs.Templates;

/// <summary>What the templates of one notice are filled in with.</summary>
public sealed class TemplateValues
{
    private const int MostSteps = 2000;

    private static readonly TemplateOptions _options = Options();

    private readonly Dictionary<string, object?> _values = [];

    /// <param name="url">Page of what it is about; null where there is none.</param>
    /// <param name="quote">What each text is made of, so that it cannot pass for the markup of where it is shown.</param>
    public TemplateValues(Notice notice, Uri? url, Func<string, string> quote)
    {
        using var payload = Payload(notice);
        foreach (var member in payload.RootElement.EnumerateObject()) _values[member.Name] = Of(member.Value, quote);
        _values["id"] = quote(notice.Id);
        _values["namespace"] = quote(notice.Namespace);
        _values["flow"] = quote(notice.Flow);
        _values["kind"] = KindWords.Of(notice.Kind);
        _values["at"] = notice.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        _values["url"] = url is null ? null : quote(url.ToString());
    }

    internal TemplateContext Context()
    {
        var context = new TemplateContext(_options);
        foreach (var (name, value) in _values) context.SetValue(name, value);
        TemplateFilters.Grant(context);
        return context;
    }

    // A payload that is none is no reason to tell nobody.
    private static JsonDocument Payload(Notice notice)
    {
        try
        {
            var document = JsonDocument.Parse(notice.Payload);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
        }
        catch (JsonException)
        {
            return JsonDocument.Parse("{}");
        }
        return JsonDocument.Parse("{}");
    }

    private static object? Of(JsonElement value, Func<string, string> quote) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().DistinctBy(member => member.Name).ToDictionary(member => member.Name, member => Of(member.Value, quote)),
        JsonValueKind.Array => value.EnumerateArray().Select(item => Of(item, quote)).ToList(),
        JsonValueKind.String => quote(value.GetString()!),
        JsonValueKind.Number => value.TryGetDecimal(out var number) ? number : value.GetRawText(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private static TemplateOptions Options()
    {
        var options = new TemplateOptions { MaxSteps = MostSteps, CultureInfo = System.Globalization.CultureInfo.InvariantCulture, TimeZone = TimeZoneInfo.Utc };
        TemplateFilters.Put(options.Filters);
        return options;
    }
}

/// <summary>Kinds of notices as flows write them.</summary>
public static class KindWords
{
    /// <summary>By their word.</summary>
    public static IReadOnlyDictionary<string, NoticeKind> All { get; } = Enum.GetValues<NoticeKind>().ToDictionary(Of);

    public static string Of(NoticeKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());
}
