using System.Text;
using System.Text.Json;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>A YAML value as JSON text.</summary>
internal static class JsonText
{
    /// <summary>Null, after a complaint, when the value has no JSON form.</summary>
    public static string? Of(Value value)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
            if (!Write(writer, value.Node)) return null;
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    public static string Quote(string text) => $"\"{JsonEncodedText.Encode(text)}\"";

    private static bool Write(Utf8JsonWriter writer, YamlNode node)
    {
        switch (node)
        {
            case YamlScalar scalar:
                WriteScalar(writer, scalar);
                return true;
            case YamlList list:
                writer.WriteStartArray();
                if (!list.Items.All(i => Write(writer, i))) return false;
                writer.WriteEndArray();
                return true;
            case YamlMapping mapping:
                writer.WriteStartObject();
                foreach (var entry in mapping.Entries)
                {
                    writer.WritePropertyName(entry.Key);
                    if (!Write(writer, entry.Value)) return false;
                }
                writer.WriteEndObject();
                return true;
            default:
                // Refused, and complained of, when it was parsed.
                return false;
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, YamlScalar scalar)
    {
        if (!scalar.Plain) writer.WriteStringValue(scalar.Text);
        else if (scalar.IsNull) writer.WriteNullValue();
        else if (PlainScalar.TryBool(scalar.Text, out var flag)) writer.WriteBooleanValue(flag);
        else if (PlainScalar.TryInteger(scalar.Text, out var integer)) writer.WriteNumberValue(integer);
        else if (PlainScalar.TryNumber(scalar.Text, out var number)) writer.WriteNumberValue(number);
        else writer.WriteStringValue(scalar.Text);
    }
}
