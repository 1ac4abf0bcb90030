using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What events and notices say of a run, and of a schedule: JSON objects.</summary>
internal static class RunPayload
{
    /// <summary>Of a run that has ended: <c>run</c>, <c>flow</c>, <c>deployment</c>, <c>status</c>, <c>generation</c>, <c>parameters</c>, <c>tags</c>, <c>actor</c>, <c>created_at</c>, <c>ended_at</c>, and of one that failed <c>error</c>.</summary>
    public static string OfEnd(RunRow run) => Of(writer =>
    {
        writer.WriteString("run", run.Run);
        writer.WriteString("flow", run.Flow);
        writer.WriteNumber("deployment", run.Deployment);
        writer.WriteString("status", StatusWord(run.Status));
        writer.WriteNumber("generation", run.Generation);
        WriteStart(writer, run);
        writer.WriteString("ended_at", Text(run.EndedAt!.Value));
        if (run.Error is { } error)
        {
            writer.WriteStartObject("error");
            writer.WriteString("type", error.Type);
            writer.WriteString("message", error.Message);
            writer.WriteEndObject();
        }
    });

    /// <summary>Of a run that has begun: <c>run</c>, <c>flow</c>, <c>deployment</c>, <c>parameters</c>, <c>tags</c>, <c>actor</c> and <c>created_at</c>.</summary>
    public static string OfBegin(RunRow run) => Of(writer =>
    {
        writer.WriteString("run", run.Run);
        writer.WriteString("flow", run.Flow);
        writer.WriteNumber("deployment", run.Deployment);
        WriteStart(writer, run);
    });

    /// <summary>What is said of a run that has begun, with its <c>deadline</c>, and <c>expected_at</c> where that is known.</summary>
    public static string OfLate(string begun, DateTimeOffset deadline, DateTimeOffset? expected)
    {
        using var document = JsonDocument.Parse(begun);
        return Of(writer =>
        {
            foreach (var member in document.RootElement.EnumerateObject()) member.WriteTo(writer);
            writer.WriteString("deadline", Text(deadline));
            if (expected is { } at) writer.WriteString("expected_at", Text(at));
        });
    }

    /// <summary>Of times of a schedule that were left out: <c>flow</c>, <c>schedule</c>, <c>count</c>, <c>interval_start</c> and <c>interval_end</c> of all of them together, and <c>reason</c>.</summary>
    public static string OfSkipped(string flow, string schedule, long count, DataInterval interval, string reason) => Of(writer =>
    {
        writer.WriteString("flow", flow);
        writer.WriteString("schedule", schedule);
        writer.WriteNumber("count", count);
        writer.WriteString("interval_start", Text(interval.Start));
        writer.WriteString("interval_end", Text(interval.End));
        writer.WriteString("reason", reason);
    });

    /// <summary>A status as it stands in a payload.</summary>
    public static string StatusWord(RunStatus status) => JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString());

    private static void WriteStart(Utf8JsonWriter writer, RunRow run)
    {
        writer.WritePropertyName("parameters");
        writer.WriteRawValue(run.Parameters);
        writer.WriteStartArray("tags");
        foreach (var tag in run.Tags) writer.WriteStringValue(tag);
        writer.WriteEndArray();
        writer.WriteString("actor", run.Actor);
        writer.WriteString("created_at", Text(run.CreatedAt));
    }

    private static string Of(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    // As exact as the journal keeps it: the same after a replay.
    private static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
