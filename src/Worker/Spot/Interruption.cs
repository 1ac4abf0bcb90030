using System.Globalization;
using System.Text.Json;

namespace Fanfare.Worker;

/// <summary>EC2 takes the machine back.</summary>
/// <param name="Action">What is done with it: <c>terminate</c>, <c>stop</c> or <c>hibernate</c>.</param>
/// <param name="At">When it is done, as far as EC2 says.</param>
/// <param name="Deadline">When what tasks have not ended by then is killed: so long before <paramref name="At"/> that it can still be reported.</param>
public sealed record Interruption(string Action, DateTimeOffset At, DateTimeOffset Deadline)
{
    private const int MostActionChars = 32;

    /// <summary>Reads <c>spot/instance-action</c>, for instance <c>{"action": "terminate", "time": "2017-09-18T08:22:00Z"}</c>.</summary>
    /// <exception cref="FormatException">It is none; names the field.</exception>
    internal static (string Action, DateTimeOffset At) Read(string json)
    {
        using var document = Parse(json);
        var action = Text(document.RootElement, "action");
        if (action.Length is 0 or > MostActionChars || !action.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')) throw new FormatException("'action' is not a word");
        return (action, Time(document.RootElement, "time"));
    }

    /// <summary>Reads <c>events/recommendations/rebalance</c>: when EC2 began to recommend it.</summary>
    /// <exception cref="FormatException">It is none; names the field.</exception>
    internal static DateTimeOffset ReadRebalance(string json)
    {
        using var document = Parse(json);
        return Time(document.RootElement, "noticeTime");
    }

    private static JsonDocument Parse(string json)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json);
        }
        catch (JsonException)
        {
            throw new FormatException("it is not JSON");
        }
        if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
        document.Dispose();
        throw new FormatException("it is not a JSON object");
    }

    private static string Text(JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new FormatException($"it has no text '{name}'");

    private static DateTimeOffset Time(JsonElement from, string name) =>
        DateTimeOffset.TryParse(Text(from, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : throw new FormatException($"'{name}' is not a time");
}
