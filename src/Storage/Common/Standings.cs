using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>How a schedule stands, as the databases keep it.</summary>
internal static class Standings
{
    public static string? Write(ScheduleStanding? standing) => standing is null ? null : JsonSerializer.Serialize(standing, ContractsJson.Default.ScheduleStanding);

    /// <exception cref="JsonException">It is nothing that was ever written.</exception>
    public static ScheduleStanding Read(string json) => JsonSerializer.Deserialize(json, StoredJson.ScheduleStanding) ?? throw new JsonException("A schedule's standing is null.");
}
