using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Fanfare.Contracts;

/// <summary>How what was stored is read back: it says all that it means. Nothing of it is passed over, and nothing that is missing is made up.</summary>
public static class StoredJson
{
    private static readonly JsonSerializerOptions Options = new(ContractsJson.Default.Options)
    {
        TypeInfoResolver = ContractsJson.Default.WithAddedModifier(RequireWhatIsAlwaysWritten),
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
    };

    public static JsonTypeInfo<Event> Event { get; } = (JsonTypeInfo<Event>)Options.GetTypeInfo(typeof(Event));

    public static JsonTypeInfo<FlowSpec> FlowSpec { get; } = (JsonTypeInfo<FlowSpec>)Options.GetTypeInfo(typeof(FlowSpec));

    public static JsonTypeInfo<ScheduleStanding> ScheduleStanding { get; } = (JsonTypeInfo<ScheduleStanding>)Options.GetTypeInfo(typeof(ScheduleStanding));

    public static JsonTypeInfo<BackfillStanding> BackfillStanding { get; } = (JsonTypeInfo<BackfillStanding>)Options.GetTypeInfo(typeof(BackfillStanding));

    public static JsonTypeInfo<TriggerStanding> TriggerStanding { get; } = (JsonTypeInfo<TriggerStanding>)Options.GetTypeInfo(typeof(TriggerStanding));

    public static JsonTypeInfo<IReadOnlyList<TriggerOutcome>> Outcomes { get; } = (JsonTypeInfo<IReadOnlyList<TriggerOutcome>>)Options.GetTypeInfo(typeof(IReadOnlyList<TriggerOutcome>));

    public static JsonTypeInfo<NoticeStanding> NoticeStanding { get; } = (JsonTypeInfo<NoticeStanding>)Options.GetTypeInfo(typeof(NoticeStanding));

    public static JsonTypeInfo<PoolStanding> PoolStanding { get; } = (JsonTypeInfo<PoolStanding>)Options.GetTypeInfo(typeof(PoolStanding));

    public static JsonTypeInfo<TaskError> TaskError { get; } = (JsonTypeInfo<TaskError>)Options.GetTypeInfo(typeof(TaskError));

    public static JsonTypeInfo<IReadOnlyList<Artifact>> Artifacts { get; } = (JsonTypeInfo<IReadOnlyList<Artifact>>)Options.GetTypeInfo(typeof(IReadOnlyList<Artifact>));

    public static JsonTypeInfo<IReadOnlyList<string>> Words { get; } = (JsonTypeInfo<IReadOnlyList<string>>)Options.GetTypeInfo(typeof(IReadOnlyList<string>));

    // Nulls are left out; everything else is written, whatever its value. So a member that a later release adds is nullable, and null means what was meant before.
    private static void RequireWhatIsAlwaysWritten(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
            if (property.AssociatedParameter is { IsNullable: false } && Nullable.GetUnderlyingType(property.PropertyType) is null) property.IsRequired = true;
    }
}
