using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Fanfare.Contracts;

/// <summary>How a worker reads what a server answers: what a later release adds is passed over, so that servers can be upgraded before their workers.</summary>
public static class AnswersJson
{
    private static readonly JsonSerializerOptions Options = new(ContractsJson.Default.Options) { TypeInfoResolver = ContractsJson.Default, UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    public static JsonTypeInfo<PollResponse> PollResponse { get; } = (JsonTypeInfo<PollResponse>)Options.GetTypeInfo(typeof(PollResponse));

    public static JsonTypeInfo<LeaseInput> LeaseInput { get; } = (JsonTypeInfo<LeaseInput>)Options.GetTypeInfo(typeof(LeaseInput));

    public static JsonTypeInfo<ItemsUploaded> ItemsUploaded { get; } = (JsonTypeInfo<ItemsUploaded>)Options.GetTypeInfo(typeof(ItemsUploaded));
}
