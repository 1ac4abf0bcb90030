using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>The one JSON form of everything in Contracts: snake_case names, enums as snake_case words, nulls left out.
/// Unknown members are refused in what the outside sends, and in events, where they mean a newer writer.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters = [typeof(SnakeCaseEnums)])]
[JsonSerializable(typeof(FlowSpec))]
[JsonSerializable(typeof(Event))]
[JsonSerializable(typeof(EntityMessage))]
[JsonSerializable(typeof(PollRequest))]
[JsonSerializable(typeof(PollResponse))]
[JsonSerializable(typeof(LeaseInput))]
[JsonSerializable(typeof(ItemsUploaded))]
[JsonSerializable(typeof(LogLine))]
[JsonSerializable(typeof(TaskError))]
[JsonSerializable(typeof(IReadOnlyList<Artifact>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(ScheduleStanding))]
[JsonSerializable(typeof(BackfillStanding))]
[JsonSerializable(typeof(TriggerStanding))]
[JsonSerializable(typeof(IReadOnlyList<TriggerOutcome>))]
[JsonSerializable(typeof(NoticeStanding))]
[JsonSerializable(typeof(PoolStanding))]
[JsonSerializable(typeof(PoolSpec))]
[JsonSerializable(typeof(PoolInfo))]
[JsonSerializable(typeof(Api.ListResponse<PoolInfo>))]
[JsonSerializable(typeof(PoolChange))]
[JsonSerializable(typeof(Api.SetPoolRequest))]
[JsonSerializable(typeof(Explanation))]
[JsonSerializable(typeof(IReadOnlyList<WorkerInfo>))]
[JsonSerializable(typeof(IReadOnlyList<QueueInfo>))]
[JsonSerializable(typeof(Api.DeployRequest))]
[JsonSerializable(typeof(Api.DeployResponse))]
[JsonSerializable(typeof(Api.FlowView))]
[JsonSerializable(typeof(Api.DeleteFlowResponse))]
[JsonSerializable(typeof(Api.ListResponse<Api.FlowView>))]
[JsonSerializable(typeof(Api.ScheduleView))]
[JsonSerializable(typeof(Api.ListResponse<Api.ScheduleView>))]
[JsonSerializable(typeof(Api.ListResponse<Api.ScheduleTime>))]
[JsonSerializable(typeof(Api.ScheduleCommandRequest))]
[JsonSerializable(typeof(Api.BackfillRequest))]
[JsonSerializable(typeof(Api.RerunRequest))]
[JsonSerializable(typeof(Api.BackfillView))]
[JsonSerializable(typeof(Api.ListResponse<Api.BackfillView>))]
[JsonSerializable(typeof(Api.BackfillCommandRequest))]
[JsonSerializable(typeof(Api.PublishRequest))]
[JsonSerializable(typeof(Api.PublishResponse))]
[JsonSerializable(typeof(Api.WebhookResponse))]
[JsonSerializable(typeof(Api.PublishedView))]
[JsonSerializable(typeof(Api.ListResponse<Api.PublishedView>))]
[JsonSerializable(typeof(Api.TriggerView))]
[JsonSerializable(typeof(Api.HeldView))]
[JsonSerializable(typeof(Api.ListResponse<Api.TriggerView>))]
[JsonSerializable(typeof(Api.TriggerCommandRequest))]
[JsonSerializable(typeof(Api.ListResponse<Api.DeadLetterView>))]
[JsonSerializable(typeof(Api.DeadLettersRequest))]
[JsonSerializable(typeof(Api.DeadLettersResponse))]
[JsonSerializable(typeof(Api.NoticeView))]
[JsonSerializable(typeof(Api.ListResponse<Api.NoticeView>))]
[JsonSerializable(typeof(Api.NoticesRequest))]
[JsonSerializable(typeof(Api.NoticesResponse))]
[JsonSerializable(typeof(Api.StartRunRequest))]
[JsonSerializable(typeof(Api.StartRunResponse))]
[JsonSerializable(typeof(Api.RunView))]
[JsonSerializable(typeof(Api.ListResponse<Api.RunView>))]
[JsonSerializable(typeof(Api.ListResponse<Api.StepView>))]
[JsonSerializable(typeof(Api.TaskView))]
[JsonSerializable(typeof(Api.ListResponse<Api.TaskView>))]
[JsonSerializable(typeof(Api.ListResponse<Api.AttemptView>))]
[JsonSerializable(typeof(Api.EventView))]
[JsonSerializable(typeof(Api.ListResponse<Api.EventView>))]
[JsonSerializable(typeof(Api.RunCommandRequest))]
[JsonSerializable(typeof(Api.RunCommandResponse))]
[JsonSerializable(typeof(Api.TaskCommandRequest))]
[JsonSerializable(typeof(Api.ValidateResponse))]
[JsonSerializable(typeof(Api.VersionView))]
[JsonSerializable(typeof(Api.DrainResponse))]
[JsonSerializable(typeof(Api.LogLevelRequest))]
[JsonSerializable(typeof(Api.ListResponse<Api.LogLevelView>))]
[JsonSerializable(typeof(Api.ListResponse<WorkerInfo>))]
[JsonSerializable(typeof(Api.ListResponse<QueueInfo>))]
[JsonSerializable(typeof(Api.ListResponse<NodeInfo>))]
[JsonSerializable(typeof(IReadOnlyList<Api.FieldError>))]
public sealed partial class ContractsJson : JsonSerializerContext;

/// <summary>Enum members as snake_case words; a number is refused.</summary>
public sealed class SnakeCaseEnums : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsEnum;

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false).CreateConverter(typeToConvert, options);
}
