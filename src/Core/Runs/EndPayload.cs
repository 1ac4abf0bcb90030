using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What the event of a run's end says of the run.</summary>
internal static class EndPayload
{
    /// <summary>A JSON object: <c>run</c>, <c>flow</c>, <c>deployment</c>, <c>status</c>, <c>generation</c>, <c>parameters</c>, <c>tags</c>, <c>actor</c>, <c>created_at</c>, <c>ended_at</c>, and of one that failed <c>error</c>.</summary>
    public static string Of(RunRow run)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("run", run.Run);
            writer.WriteString("flow", run.Flow);
            writer.WriteNumber("deployment", run.Deployment);
            writer.WriteString("status", StatusWord(run.Status));
            writer.WriteNumber("generation", run.Generation);
            writer.WritePropertyName("parameters");
            writer.WriteRawValue(run.Parameters);
            writer.WriteStartArray("tags");
            foreach (var tag in run.Tags) writer.WriteStringValue(tag);
            writer.WriteEndArray();
            writer.WriteString("actor", run.Actor);
            writer.WriteString("created_at", Text(run.CreatedAt));
            writer.WriteString("ended_at", Text(run.EndedAt!.Value));
            if (run.Error is { } error)
            {
                writer.WriteStartObject("error");
                writer.WriteString("type", error.Type);
                writer.WriteString("message", error.Message);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>A status as it stands in the payload.</summary>
    public static string StatusWord(RunStatus status) => JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString());

    // As exact as the journal keeps it: the same after a replay.
    private static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
