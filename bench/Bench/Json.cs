using System.Text.Json;

namespace Fanfare.Bench;

/// <summary>Results travel between the benchmark's processes as the last line that each prints.</summary>
internal static class Json
{
    public static JsonSerializerOptions Options { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = false };

    public static JsonSerializerOptions Indented { get; } = new(Options) { WriteIndented = true };

    public static void WriteLine<T>(T value) => Console.WriteLine(JsonSerializer.Serialize(value, Options));
}
