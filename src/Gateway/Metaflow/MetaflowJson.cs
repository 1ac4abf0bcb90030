using System.Globalization;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Writes answers with the fields that Metaflow's clients read, in that service's order. A run or a task is shown by the name that its creator gave it, else by its number; what is in a run carries the run's tags.</summary>
internal sealed class MetaflowJson(Utf8JsonWriter json)
{
    /// <summary>Rows that are looked up at a time for a listing of all.</summary>
    private const int Chunk = 1000;

    public static async Task WriteAsync(HttpContext http, Action<MetaflowJson> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer)) write(new MetaflowJson(json));
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = buffer.Length;
        await http.Response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), http.RequestAborted);
    }

    /// <summary>Writes all rows of a listing, however many, page by page as they are read.</summary>
    public static async Task WriteAllAsync<T>(HttpContext http, Func<MetaflowPlace?, int, Task<IReadOnlyList<T>>> page, Func<T, MetaflowPlace> place, Action<MetaflowJson, T> write)
    {
        // The first page before the answer begins: what is wrong shows there.
        var rows = await page(null, Chunk);
        http.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter);
        json.WriteStartArray();
        while (true)
        {
            foreach (var row in rows) write(new MetaflowJson(json), row);
            if (rows.Count < Chunk) break;
            await json.FlushAsync(http.RequestAborted);
            rows = await page(place(rows[^1]), Chunk);
        }
        json.WriteEndArray();
        await json.FlushAsync(http.RequestAborted);
    }

    public void Raw(string text) => json.WriteRawValue(text);

    public void List<T>(IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray();
        foreach (var item in items) write(item);
        json.WriteEndArray();
    }

    public void Text(string value) => json.WriteStringValue(value);

    public void Count(string field, int count)
    {
        json.WriteStartObject();
        json.WriteNumber(field, count);
        json.WriteEndObject();
    }

    public void TagsOf(IEnumerable<string> tags)
    {
        json.WriteStartObject();
        json.WritePropertyName("tags");
        List(tags, Text);
        json.WriteEndObject();
    }

    public void Flow(MetaflowFlow flow)
    {
        json.WriteStartObject();
        json.WriteString("flow_id", flow.Flow);
        Common(flow.User, flow.CreatedMs, flow.Tags, flow.SystemTags);
        json.WriteEndObject();
    }

    /// <param name="isNew">An answer to who made it does not say whose it is.</param>
    /// <param name="status">Null where it was not asked for.</param>
    public void Run(MetaflowRun run, bool isNew = false, string? status = null)
    {
        json.WriteStartObject();
        json.WriteString("flow_id", run.Flow);
        Exposed("run_number", run.Id, run.Number);
        Common(run.User, run.CreatedMs, run.Tags, run.SystemTags);
        Heartbeat(run.HeartbeatS);
        if (status is not null) json.WriteString("status", status);
        if (!isNew && Owner(run) is { } owner) json.WriteString("user", owner);
        json.WriteEndObject();
    }

    // A step shows the number of its run as text: so that service stores it.
    public void Step(MetaflowRun run, MetaflowStep step)
    {
        json.WriteStartObject();
        json.WriteString("flow_id", run.Flow);
        json.WriteString("run_number", run.Id ?? run.Number.ToString(CultureInfo.InvariantCulture));
        json.WriteString("step_name", step.Step);
        Common(step.User, step.CreatedMs, run.Tags, run.SystemTags);
        json.WriteEndObject();
    }

    public void Task(MetaflowRun run, MetaflowTask task)
    {
        json.WriteStartObject();
        In(run, task.Step, task.Number, task.Name);
        Common(task.User, task.CreatedMs, run.Tags, run.SystemTags);
        Heartbeat(task.HeartbeatS);
        json.WriteEndObject();
    }

    public void Datum(MetaflowRun run, MetaflowDatum datum)
    {
        json.WriteStartObject();
        json.WriteNumber("id", datum.Id);
        In(run, datum.Step, datum.Task, datum.TaskName);
        json.WriteString("field_name", datum.Field);
        json.WriteString("value", datum.Value);
        json.WriteString("type", datum.Type);
        Common(datum.User, datum.CreatedMs, datum.Tags, datum.SystemTags);
        json.WriteEndObject();
    }

    public void Artifact(MetaflowRun run, MetaflowArtifact artifact)
    {
        json.WriteStartObject();
        In(run, artifact.Step, artifact.Task, artifact.TaskName);
        json.WriteString("name", artifact.Name);
        json.WriteString("location", artifact.Location);
        json.WriteString("ds_type", artifact.DsType);
        json.WriteString("sha", artifact.Sha);
        json.WriteString("type", artifact.Type);
        json.WriteString("content_type", artifact.ContentType);
        json.WriteString("user_name", artifact.User);
        json.WriteNumber("attempt_id", artifact.Attempt);
        json.WriteNumber("ts_epoch", artifact.CreatedMs);
        TagsAndSystemTags(run.Tags, run.SystemTags);
        json.WriteEndObject();
    }

    /// <summary>Whose run it is: its user, where a system tag vouches for it.</summary>
    public static string? Owner(MetaflowRun run) => run.User is { } user && Texts(run.SystemTags).Contains("user:" + user) ? user : null;

    /// <summary>Texts of tags; none of what very old clients sent.</summary>
    public static List<string> Texts(string tags)
    {
        using var document = JsonDocument.Parse(tags);
        return document.RootElement.ValueKind == JsonValueKind.Array ? [.. document.RootElement.EnumerateArray().Select(tag => tag.GetString()!)] : [];
    }

    private void In(MetaflowRun run, string step, long task, string? name)
    {
        json.WriteString("flow_id", run.Flow);
        Exposed("run_number", run.Id, run.Number);
        json.WriteString("step_name", step);
        Exposed("task_id", name, task);
    }

    private void Exposed(string field, string? name, long number)
    {
        if (name is null) json.WriteNumber(field, number);
        else json.WriteString(field, name);
    }

    private void Common(string? user, long createdMs, string tags, string systemTags)
    {
        json.WriteString("user_name", user);
        json.WriteNumber("ts_epoch", createdMs);
        TagsAndSystemTags(tags, systemTags);
    }

    private void TagsAndSystemTags(string tags, string systemTags)
    {
        json.WritePropertyName("tags");
        json.WriteRawValue(tags);
        json.WritePropertyName("system_tags");
        json.WriteRawValue(systemTags);
    }

    private void Heartbeat(long? seconds)
    {
        if (seconds is { } at) json.WriteNumber("last_heartbeat_ts", at);
        else json.WriteNull("last_heartbeat_ts");
    }
}
