using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Fanfare.Gateway;

/// <summary>How the gateway reads and writes JSON: the form of Contracts, read strictly.</summary>
internal static class GatewayJson
{
    /// <summary>For what the outside sends: required members are required, null is null only where allowed, no member twice.</summary>
    public static readonly JsonSerializerOptions Strict = new(ContractsJson.Default.Options)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
        // The document's own depth, and the members of a request around it.
        MaxDepth = Limits.MaxNesting + 4,
    };

    public static JsonTypeInfo<T> StrictInfo<T>() => (JsonTypeInfo<T>)Strict.GetTypeInfo(typeof(T));

    /// <summary>Makes the framework's options (used for answers and for OpenAPI) say the same as Contracts.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.PropertyNameCaseInsensitive = false;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.Converters.Add(new SnakeCaseEnums());
        options.TypeInfoResolverChain.Insert(0, ContractsJson.Default);
        options.TypeInfoResolverChain.Insert(1, ProblemJson.Default);
    }

    /// <summary>A stored document as an element; the empty object where there is none.</summary>
    /// <exception cref="JournalFormatException">It is no document.</exception>
    public static JsonElement Element(string? json)
    {
        try
        {
            using var document = JsonDocument.Parse(string.IsNullOrEmpty(json) ? "{}" : json);
            return document.RootElement.Clone();
        }
        catch (JsonException exception)
        {
            throw new JournalFormatException($"A stored document cannot be read: {exception.Message} The journal is damaged; restore the data directory from a backup.", exception);
        }
    }

    /// <summary>An enum's member as the API writes it.</summary>
    public static string Word<T>(T value)
        where T : struct, Enum =>
        JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
