using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Fanfare.Cli.Api;

/// <summary>The JSON of the API as a client reads it: what a newer server adds is skipped.</summary>
internal static class ApiJson
{
    // The CLI's own reports are read by reflection: they come once, at the end.
    private static readonly JsonSerializerOptions Wire = new(ContractsJson.Default.Options)
    {
        TypeInfoResolver = JsonTypeInfoResolver.Combine(ContractsJson.Default, new DefaultJsonTypeInfoResolver()),
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    };

    // For terminals and files, not for HTML: umlauts and quotes stay readable.
    private static readonly JsonSerializerOptions Shown = new(Wire)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions Line = new(Shown) { WriteIndented = false };

    public static JsonTypeInfo<T> Type<T>() => (JsonTypeInfo<T>)Wire.GetTypeInfo(typeof(T));

    public static string Show<T>(T value) => JsonSerializer.Serialize(value, (JsonTypeInfo<T>)Shown.GetTypeInfo(typeof(T)));

    public static string ShowLine<T>(T value) => JsonSerializer.Serialize(value, (JsonTypeInfo<T>)Line.GetTypeInfo(typeof(T)));
}
