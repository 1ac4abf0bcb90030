using System.Text.Json;

namespace Fanfare.Storage.Metaflow;

/// <summary>Tags as they are stored: an array of texts. Very old clients sent objects, or nothing: these hold no tag.</summary>
internal static class Tags
{
    public const string None = "[]";

    public static List<string> Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.ValueKind == JsonValueKind.Array ? [.. document.RootElement.EnumerateArray().Where(tag => tag.ValueKind == JsonValueKind.String).Select(tag => tag.GetString()!)] : [];
    }

    public static string Write(IEnumerable<string> tags)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var tag in tags) json.WriteStringValue(tag);
            json.WriteEndArray();
        }
        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>Those that stay, in their order, then the new ones. Removals come first.</summary>
    public static List<string> Change(string tags, string systemTags, IReadOnlyList<string> add, IReadOnlyList<string> remove)
    {
        var (gone, system) = (remove.ToHashSet(), Read(systemTags).ToHashSet());
        return [.. Read(tags).Where(tag => !gone.Contains(tag)).Concat(add.Where(tag => !system.Contains(tag))).Distinct()];
    }

    /// <summary>System tags that were to be taken away, which is not allowed.</summary>
    public static List<string> Forbidden(string systemTags, IReadOnlyList<string> remove) => [.. Read(systemTags).Intersect(remove)];
}
