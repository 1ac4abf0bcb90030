using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>How schedules, backfills, triggers, notices and pools stand, and what events came to, as the databases keep it.</summary>
internal static class Standings
{
    public static string? Write(ScheduleStanding? standing) => standing is null ? null : JsonSerializer.Serialize(standing, ContractsJson.Default.ScheduleStanding);

    public static string Write(NoticeStanding standing) => JsonSerializer.Serialize(standing, ContractsJson.Default.NoticeStanding);

    /// <exception cref="JsonException">It is nothing that was ever written.</exception>
    public static NoticeStanding ReadNotice(string json) => JsonSerializer.Deserialize(json, StoredJson.NoticeStanding) ?? throw new JsonException("A notice's standing is null.");

    public static string Write(PoolStanding standing) => JsonSerializer.Serialize(standing, ContractsJson.Default.PoolStanding);

    /// <exception cref="JsonException">It is nothing that was ever written.</exception>
    public static PoolStanding ReadPool(string json) => JsonSerializer.Deserialize(json, StoredJson.PoolStanding) ?? throw new JsonException("A pool's standing is null.");

    public static string Write(BackfillStanding standing) => JsonSerializer.Serialize(standing, ContractsJson.Default.BackfillStanding);

    /// <exception cref="JsonException">It is nothing that was ever written.</exception>
    public static BackfillStanding ReadBackfill(string json) => JsonSerializer.Deserialize(json, StoredJson.BackfillStanding) ?? throw new JsonException("A backfill's standing is null.");

    public static string Write(TriggerStanding standing) => JsonSerializer.Serialize(standing, ContractsJson.Default.TriggerStanding);

    /// <exception cref="JsonException">It is nothing that was ever written.</exception>
    public static TriggerStanding ReadTrigger(string json) => JsonSerializer.Deserialize(json, StoredJson.TriggerStanding) ?? throw new JsonException("A trigger's standing is null.");

    public static string Write(IReadOnlyList<TriggerOutcome> outcomes) => JsonSerializer.Serialize(outcomes, ContractsJson.Default.IReadOnlyListTriggerOutcome);

    /// <exception cref="JsonException">It is nothing that was ever written.</exception>
    public static IReadOnlyList<TriggerOutcome> ReadOutcomes(string json) => JsonSerializer.Deserialize(json, StoredJson.Outcomes) ?? throw new JsonException("An event's outcomes are null.");

    /// <exception cref="JsonException">It is nothing that was ever written.</exception>
    public static ScheduleStanding Read(string json) => JsonSerializer.Deserialize(json, StoredJson.ScheduleStanding) ?? throw new JsonException("A schedule's standing is null.");
}
