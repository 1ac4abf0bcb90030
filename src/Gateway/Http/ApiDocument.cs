using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Fanfare.Gateway;

/// <summary>The API's OpenAPI document: what the framework finds, and what it cannot know (query parameters, problem details, headers).</summary>
internal static class ApiDocument
{
    public static void AddApiDocument(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Fanfare",
                Version = "v1",
                Description = "Deploy flows, start and follow runs. Errors are problem details (RFC 9457) whose type leads to a page that explains them.",
            };
            // The address differs from server to server; paths are relative to whichever serves the document.
            document.Servers = [];
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            // Nulls are left out of answers, so what may be null is not required.
            foreach (var property in context.JsonTypeInfo.Properties.Where(MayBeNull)) schema.Required?.Remove(property.Name);
            if (TextTypes.TryGetValue(context.JsonTypeInfo.Type, out var description))
            {
                schema.Type = JsonSchemaType.String;
                schema.Description = description;
            }
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(DescribeAsync);
    });

    private static readonly Dictionary<Type, string> TextTypes = new()
    {
        [typeof(StepKey)] = "Number of frames, a colon, and the key: 1:train, 2:train[3]#0.1",
        [typeof(SplitPath)] = "Numbers separated by commas, outermost first: 3,1",
        [typeof(SplitRanges)] = "Ascending ranges, ends included: 0-99,120",
        [typeof(StreamId)] = "namespace/kind/name",
    };

    private static async Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        operation.Parameters ??= [];
        foreach (var parameter in context.Description.ActionDescriptor.EndpointMetadata.OfType<QueryParameters>().SelectMany(q => q.All))
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = parameter.Name,
                In = ParameterLocation.Query,
                Required = parameter.Required,
                Description = parameter.Description,
                Schema = parameter.Schema,
            });
        if ((context.Description.HttpMethod == HttpMethods.Post && operation.OperationId != "poll") || context.Description.HttpMethod == HttpMethods.Delete || operation.OperationId == "setPool")
            operation.Parameters.Add(Header(Caller.Header, "Who acts, for the history. Default: anonymous."));
        if (operation.OperationId == "startRun") operation.Parameters.Add(Header("Idempotency-Key", "The same key never starts two runs of a flow."));
        if (operation.OperationId == "streamEvents") operation.Parameters.Add(Header("Last-Event-ID", "Id of the last event received."));
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<RequestBody>().FirstOrDefault() is { } body)
        {
            var schema = body.Type is null ? null : await ComponentAsync(context, body.Type, body.Type.Name, cancellationToken);
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = body.Required,
                Content = body.ContentTypes.ToDictionary(
                    type => type,
                    type => new OpenApiMediaType { Schema = type == "application/json" ? schema : new OpenApiSchema { Type = JsonSchemaType.String } }),
            };
        }
        operation.Responses ??= [];
        operation.Responses["default"] = new OpenApiResponse
        {
            Description = "Refused; see type and errors.",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [ProblemBody.ContentType] = new() { Schema = await ComponentAsync(context, typeof(ProblemBody), "Problem", cancellationToken) },
            },
        };
    }

    private static bool MayBeNull(JsonPropertyInfo property) => property.IsGetNullable || Nullable.GetUnderlyingType(property.PropertyType) is not null;

    /// <summary>A reference to the type's schema, which is described once.</summary>
    private static async Task<IOpenApiSchema> ComponentAsync(
        OpenApiOperationTransformerContext context, Type type, string name, CancellationToken cancellationToken)
    {
        var document = context.Document ?? throw new InvalidOperationException("Operations are described as parts of a document.");
        if (document.Components?.Schemas?.ContainsKey(name) != true)
            document.AddComponent(name, await context.GetOrCreateSchemaAsync(type, null, cancellationToken));
        return new OpenApiSchemaReference(name, document);
    }

    private static OpenApiParameter Header(string name, string description) => new()
    {
        Name = name,
        In = ParameterLocation.Header,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
    };
}
