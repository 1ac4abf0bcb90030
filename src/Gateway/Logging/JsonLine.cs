using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>A line of the log as a JSON object: <c>at</c>, <c>level</c>, <c>category</c>, <c>message</c>, what it is about, and <c>exception</c>.</summary>
internal static class JsonLine
{
    // It is no part of a page.
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(DateTimeOffset at, LogLevel level, string category, string message, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, _options))
        {
            writer.WriteStartObject();
            writer.WriteString("at", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
            writer.WriteString("level", LogLevels.Word(level));
            writer.WriteString("category", category);
            writer.WriteString("message", message);
            var names = new HashSet<string>(StringComparer.Ordinal) { "at", "level", "category", "message", "exception" };
            foreach (var (name, value) in fields)
            {
                // What the words were made from is in the words.
                if (name == "{OriginalFormat}") continue;
                var key = JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
                while (!names.Add(key)) key += "_";
                writer.WritePropertyName(key);
                Write(writer, value);
            }
            if (exception is not null) writer.WriteString("exception", exception.ToString());
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case int number:
                writer.WriteNumberValue(number);
                break;
            case long number:
                writer.WriteNumberValue(number);
                break;
            case bool truth:
                writer.WriteBooleanValue(truth);
                break;
            default:
                writer.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }
}
