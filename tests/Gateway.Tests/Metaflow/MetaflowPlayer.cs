using System.Text.Json.Nodes;

namespace Fanfare.Gateway.Tests;

/// <summary>Plays calls against a metadata service and writes down the answers, without what differs by nature: times, numbers that the service gave, the order of what has none, and the texts of refusals.</summary>
internal sealed class MetaflowPlayer(HttpClient client, string root)
{
    private readonly string _flow = $"F{Guid.NewGuid():n}";
    private readonly List<string> _runs = [], _tasks = [];
    private string _cursor = "none";

    /// <summary>The answer to a call, as two lines.</summary>
    public async Task<(int Status, string Text)> PlayAsync(MetaflowCall call)
    {
        var path = Filled(call.Path);
        using var request = new HttpRequestMessage(new HttpMethod(call.Method), root + path);
        if (call.Body is not null) request.Content = Answers.Json(Filled(call.Body));
        using var answer = await client.SendAsync(request);
        var status = (int)answer.StatusCode;
        var text = await answer.Content.ReadAsStringAsync();
        if (Header(answer, "X-Next-Cursor") is { } cursor) _cursor = Uri.EscapeDataString(cursor);
        var heads = $"{status} limit {Header(answer, "X-Limit") ?? "none"}, more {(Header(answer, "X-Next-Cursor") is null ? "no" : "yes")}";
        return (status, $"> {call.Method} {call.Path} {call.Body}\n< {heads}\n{(status >= 400 ? "refused" : Normal(text, call))}");
    }

    private static string? Header(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? values.Single() : null;

    private string Filled(string text) => text.Replace("{flow}", _flow, StringComparison.Ordinal).Replace("{run}", _runs.FirstOrDefault("none"), StringComparison.Ordinal)
        .Replace("{task}", _tasks.FirstOrDefault("none"), StringComparison.Ordinal).Replace("{cursor}", _cursor, StringComparison.Ordinal);

    private string Normal(string text, MetaflowCall call)
    {
        if (!text.StartsWith('{') && !text.StartsWith('[') && !text.StartsWith('"')) return text;
        var body = JsonNode.Parse(text)!;
        if (call.Method == "POST" && body is JsonObject made)
        {
            // What is given numbers is counted as it comes.
            if (call.Path.EndsWith("/run", StringComparison.Ordinal) && made["run_number"] is JsonValue run && run.GetValueKind() == JsonValueKind.Number) _runs.Add(run.ToString());
            if (call.Path.EndsWith("/task", StringComparison.Ordinal) && made["task_id"] is JsonValue task && task.GetValueKind() == JsonValueKind.Number) _tasks.Add(task.ToString());
        }
        if (body is JsonObject { Count: 1 } tags && tags["tags"] is JsonArray some) tags["tags"] = Sorted(some);
        var normal = Normal(body, "")!;
        // A listing that is not paged has no order.
        if (normal is JsonArray rows && !call.Path.Contains("_limit", StringComparison.Ordinal)) normal = Sorted(rows);
        return normal.ToJsonString().Replace(_flow, "FLOW", StringComparison.Ordinal);
    }

    private static JsonArray Sorted(JsonArray rows) => [.. rows.Select(row => row!.ToJsonString()).Order(StringComparer.Ordinal).Select(row => JsonNode.Parse(row))];

    private JsonNode? Normal(JsonNode? node, string field) => node switch
    {
        JsonArray array => new JsonArray([.. array.Select(item => Normal(item, field))]),
        // Tags that were changed have no order.
        JsonObject row => new JsonObject(row.Select(member => KeyValuePair.Create(member.Key, member.Key == "tags" && member.Value is JsonArray tags ? Sorted(tags) : Normal(member.Value, member.Key)))),
        JsonValue value => Normal(value, field),
        _ => null,
    };

    private JsonNode Normal(JsonValue value, string field)
    {
        var kind = value.GetValueKind();
        return field switch
        {
            "ts_epoch" or "last_heartbeat_ts" or "id" => JsonValue.Create(kind.ToString()),
            "run_number" => JsonValue.Create(Counted(_runs, value.ToString(), kind)),
            "task_id" => JsonValue.Create(Counted(_tasks, value.ToString(), kind)),
            "" when kind == JsonValueKind.String && value.ToString().Split('/') is [var flow, var run, var step, var task] => JsonValue.Create($"{flow}/{Counted(_runs, run, kind)}/{step}/{Counted(_tasks, task, kind)}"),
            _ => value.DeepClone(),
        };
    }

    private static string Counted(List<string> known, string value, JsonValueKind kind) => known.IndexOf(value) is >= 0 and var at ? $"{kind} #{at}" : value;
}
