using System.Globalization;
using System.Xml.Linq;

namespace Fanfare.Pools.Ec2;

/// <summary>Reads EC2's answers. Names are compared without their namespace, which carries the API's version.</summary>
internal static class Ec2Xml
{
    public static XElement? Child(this XElement element, string name) => element.Elements().FirstOrDefault(e => e.Name.LocalName == name);

    /// <summary>The text of a child; null when there is none, or it is empty.</summary>
    public static string? Text(this XElement element, string name) => element.Child(name)?.Value is { Length: > 0 } text ? text : null;

    /// <summary>The items of a list; none when the list is left out.</summary>
    public static IEnumerable<XElement> Items(this XElement element, string list) => element.Child(list)?.Elements().Where(e => e.Name.LocalName == "item") ?? [];

    public static string Required(this XElement element, string name) => element.Text(name) ?? throw Unreadable(element, name, "is missing");

    public static long Number(this XElement element, string name) =>
        long.TryParse(element.Required(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Unreadable(element, name, $"is '{element.Text(name)}'");

    public static decimal Amount(this XElement element, string name) =>
        decimal.TryParse(element.Required(name), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount) ? amount : throw Unreadable(element, name, $"is '{element.Text(name)}'");

    public static DateTimeOffset Time(this XElement element, string name) =>
        DateTimeOffset.TryParse(element.Required(name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : throw Unreadable(element, name, $"is '{element.Text(name)}'");

    public static IReadOnlyDictionary<string, string> Tags(this XElement element)
    {
        var tags = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var tag in element.Items("tagSet")) tags[tag.Required("key")] = tag.Text("value") ?? "";
        return tags;
    }

    private static Ec2Exception Unreadable(XElement element, string name, string how) => new(element.Document?.Root?.Name.LocalName ?? "", "", $"The answer cannot be read: {name} of {element.Name.LocalName} {how}", RefusalReason.NoAnswer);
}
