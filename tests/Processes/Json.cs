using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fanfare.Processes;

public static class Json
{
    /// <summary>Compares JSON texts by value: the order of members does not count.</summary>
    public static readonly IEqualityComparer<string> SameObject = new ByValue();

    public static string Compact(JsonElement value) => JsonSerializer.Serialize(value);

    private sealed class ByValue : IEqualityComparer<string>
    {
        public bool Equals(string? x, string? y) => JsonNode.DeepEquals(JsonNode.Parse(x!), JsonNode.Parse(y!));

        public int GetHashCode(string obj) => 0;
    }
}
