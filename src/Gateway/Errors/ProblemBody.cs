using System.Text.Json.Serialization;

namespace Fanfare.Gateway;

/// <summary>Problem details as RFC 9457 has them, with the error's code and the fields that are wrong.</summary>
/// <param name="Type">Path of a page on this server that explains the error.</param>
/// <param name="Instance">The path that was asked for.</param>
internal sealed record ProblemBody(
    string Type, string Title, int Status, string Detail, string Instance, string Code, IReadOnlyList<FieldError> Errors)
{
    public const string ContentType = "application/problem+json";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProblemBody))]
internal sealed partial class ProblemJson : JsonSerializerContext;
