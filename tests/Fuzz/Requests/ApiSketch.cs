using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Fanfare.Fuzz.Specs;

namespace Fanfare.Fuzz.Requests;

/// <summary>A request before it is sent: what a corpus keeps.</summary>
internal sealed record SketchedRequest(string Method, string Path, string? Type, string? Body, IReadOnlyDictionary<string, string> Headers);

/// <summary>Draws requests from the API's own description: each is nearly what an operation takes.</summary>
internal sealed class ApiSketch
{
    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY"];

    private static readonly string[] Types = ["application/json", "application/yaml", "text/plain", "multipart/form-data", "application/octet-stream", "application/x-ndjson", "application/json; charset=utf-16", "nonsense", ""];

    private static readonly (string, string)[] Pages = [("/", "get"), ("/fragment", "get"), ("/runs/{run}", "get"), ("/runs/{run}/fragment", "get"), ("/runs/{run}/tasks/{task}", "get"), ("/errors/{code}", "get"), ("/{any}", "get"), ("/api/v1/{any}", "post")];

    private readonly JsonElement _schemas;
    private readonly List<(string Path, string Method, JsonElement Operation)> _operations = [];
    private readonly List<string> _members = [];
    private readonly RequestWorld _world;

    public ApiSketch(RequestWorld world)
    {
        _world = world;
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Corpus.Root, "docs", "openapi.json")));
        var root = document.RootElement.Clone();
        _schemas = root.GetProperty("components").GetProperty("schemas");
        foreach (var path in root.GetProperty("paths").EnumerateObject())
            foreach (var method in path.Value.EnumerateObject()) _operations.Add((path.Name, method.Name, method.Value));
        foreach (var (path, method) in Pages) _operations.Add((path, method, default));
        foreach (var schema in _schemas.EnumerateObject())
            if (schema.Value.TryGetProperty("properties", out var properties)) _members.AddRange(properties.EnumerateObject().Select(p => p.Name));
    }

    public int Operations => _operations.Count;

    /// <summary>The operation, and a request nearly as it takes.</summary>
    public (string Operation, SketchedRequest Request) Of(Draw draw)
    {
        var (template, method, operation) = draw.Among(_operations);
        var wild = draw.OneIn(3);
        // Most requests are about flows and pools that are there.
        var path = Filled(method == "delete" && !draw.OneIn(30) ? template.Replace("{flow}", RequestWorld.Spare, StringComparison.Ordinal).Replace("{pool}", RequestWorld.SparePool, StringComparison.Ordinal) : template, draw, wild);
        var query = new List<string>();
        string? type = null, body = null;
        if (operation.ValueKind == JsonValueKind.Object)
        {
            if (operation.TryGetProperty("parameters", out var parameters))
                foreach (var parameter in parameters.EnumerateArray().Where(p => p.GetProperty("in").GetString() == "query")) Query(parameter, draw, wild, query);
            if (operation.TryGetProperty("requestBody", out var request))
            {
                var content = request.GetProperty("content").EnumerateObject().ToList();
                var chosen = draw.Among(content);
                (type, body) = (chosen.Name, Body(chosen, draw, template));
            }
        }
        if (draw.OneIn(15)) query.Add($"{Uri.EscapeDataString(Clean(Hostile.Text(draw)))}={Uri.EscapeDataString(Clean(Hostile.Text(draw)))}");
        if (query.Count > 0 && draw.OneIn(12)) query.Add(query[0]);
        if (draw.OneIn(12)) type = draw.Among(Types);
        var name = $"{method} {template}";
        method = draw.OneIn(20) ? draw.Among(Methods) : method.ToUpperInvariant();
        if (method is "GET" or "HEAD" && !draw.OneIn(10)) (type, body) = (null, null);
        return (name, new SketchedRequest(method, path + (query.Count > 0 ? "?" + string.Join('&', query) : ""), type, body, Headers(draw)));
    }

    private void Query(JsonElement parameter, Draw draw, bool wild, List<string> query)
    {
        var name = parameter.GetProperty("name").GetString()!;
        var required = parameter.TryGetProperty("required", out var needed) && needed.GetBoolean();
        if (!draw.OneIn(required ? 1 : 3) || (required && draw.OneIn(15))) return;
        var value = wild && draw.OneIn(2) ? Clean(draw.OneIn(3) ? Hostile.Number(draw) : Hostile.Text(draw)) : Likely(name, parameter.GetProperty("schema"), draw);
        query.Add($"{name}={(draw.OneIn(20) ? value.Replace('#', ' ') : Uri.EscapeDataString(value))}");
    }

    private string Filled(string template, Draw draw, bool wild)
    {
        for (var open = template.IndexOf('{', StringComparison.Ordinal); open >= 0; open = template.IndexOf('{', StringComparison.Ordinal))
        {
            var close = template.IndexOf('}', StringComparison.Ordinal);
            var value = wild && draw.OneIn(2) ? Clean(Hostile.Text(draw)) : Likely(template[(open + 1)..close].TrimStart('*'), default, draw);
            template = template[..open] + Uri.EscapeDataString(value) + template[(close + 1)..];
        }
        return template;
    }

    private string Likely(string name, JsonElement schema, Draw draw)
    {
        if (schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("enum", out var words) && draw.Below(8) > 0) return draw.Among(words.EnumerateArray().ToList()).GetString()!;
        return name switch
        {
            "run" => draw.Among(_world.Runs),
            "flow" => draw.Among(_world.Flows),
            "pool" => draw.Of(RequestWorld.Pool, RequestWorld.Pool, RequestWorld.SparePool),
            "event" => _world.Event,
            "notice" => _world.Notice,
            "task" when schema.ValueKind == JsonValueKind.Object => _world.Lease.Task.Stream.ToString(),
            "task" => draw.Of("start", "fold[0]", "fold[1]", "fold[2]", "best", "left", "end", "fold[9]", "fold", "start#1", "fold[0]#0.3", "nobody"),
            "key" => draw.Of("start", "fold", "best", "left", "fold[1]", "fold#1.2"),
            "step" => draw.Of("start", "fold", "best"),
            "token" => draw.Below(4) > 0 ? _world.Lease.Token : JsonMutation.Edited(_world.Lease.Token, draw),
            "split" or "attempt" or "offset" or "after" or "from" or "tail" or "version" or "deployment" => draw.Of("0", "1", "2"),
            "limit" => draw.Of("1", "2", "1000"),
            "cursor" => draw.Of("cnVuczoxOjI", "dGFza3M6MTow", "c3RlcHM6MQ", "Zmxvd3M6YQ", "ZGVwbG95bWVudHM6MQ", "MQ", "LTE", "ZXZlbnRzOjE", "cG9vbHM6YQ"),
            "before" or "created_after" => draw.Of("2026-01-31", "0001-01-01T00:00Z", "9999-12-31T23:59:59.9999999-14:00"),
            "package" or "sha256" => draw.Below(3) > 0 ? _world.Package : new string('a', 64),
            "namespace" => draw.Of("default", "default", "other"),
            "name" => draw.Of("a/report.html", "a", "b/c"),
            "id" => draw.Of("w1", "w2"),
            "code" => draw.Of("FAN0001", "FAN0007", "FAN9999"),
            "follow" or "active" => draw.Of("true", "false"),
            _ => Clean(Hostile.Text(draw)),
        };
    }

    private string Body(JsonProperty content, Draw draw, string template)
    {
        if (content.Name.Contains("yaml", StringComparison.Ordinal)) return IsOfPools(template) ? Pool(draw) : Flow(draw);
        if (content.Name != "application/json") return draw.Of("", "1\n\"two\"\n{\"a\":3}\n", "{\"at\":\"2026-01-31T18:00:00Z\",\"stream\":\"out\",\"text\":\"x\"}\n", "no json", "[\n", "\n\n", new string('9', 300_000), "\"\\ud800\"\n", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n");
        var json = Value(content.Value.GetProperty("schema"), "", draw, 0);
        if (template.Contains(":poll", StringComparison.Ordinal) && draw.OneIn(2)) json = Polled(draw);
        if (IsOfPools(template)) json = $"{{\"source\":{JsonMutation.Quote(Pool(draw))}}}";
        var changes = draw.OneIn(3) ? 0 : draw.Between(1, 3);
        var text = changes == 0 ? json : JsonMutation.Of(json, draw, changes, _members);
        return draw.OneIn(15) ? JsonMutation.Edited(text, draw) : text;
    }

    // A poll that holds, or hands in, the one live lease.
    private string Polled(Draw draw)
    {
        var poll = new PollRequest
        {
            Worker = "w1",
            Boot = draw.Of("boot-1", "boot-1", "boot-2"),
            Sequence = draw.Between(1, 100),
            Capacity = new ResourceSpec(1, 0, 0, 0),
            Free = new ResourceSpec(1, 0, 0, 0),
            MaxLeases = draw.Below(3),
            Held = draw.OneIn(2) ? [new HeldLease(_world.Lease.Task, _world.Lease.Token)] : [],
            Finished = draw.OneIn(3) ? [Server.ModelWorker.Ended(_world.Lease, draw.Of(AttemptOutcome.Failed, AttemptOutcome.Succeeded)) with { Token = JsonMutation.Edited(_world.Lease.Token, draw) }] : [],
        };
        return Server.ModelWorker.Json(poll);
    }

    private static string Flow(Draw draw)
    {
        var flow = draw.OneIn(2) ? FlowGrowth.Of(draw) : draw.Among(FlowCatalog.Flows);
        return FlowText.Json(FlowMutation.Of(flow, draw, draw.Below(3)));
    }

    private static string Pool(Draw draw) => PoolText.Of(draw, draw.Below(3), draw.Of(RequestWorld.Pool, RequestWorld.Pool, RequestWorld.SparePool));

    private static bool IsOfPools(string template) => template.Contains("/pools/", StringComparison.Ordinal);

    /// <summary>A value of a schema, valid by its types.</summary>
    private string Value(JsonElement schema, string name, Draw draw, int depth)
    {
        if (schema.TryGetProperty("$ref", out var reference)) return Value(_schemas.GetProperty(reference.GetString()!.Split('/')[^1]), name, draw, depth);
        if (schema.TryGetProperty("enum", out var words)) return draw.Among(words.EnumerateArray().ToList()).GetRawText();
        foreach (var choice in new[] { "oneOf", "anyOf", "allOf" })
            if (schema.TryGetProperty(choice, out var choices)) return Value(draw.Among(choices.EnumerateArray().ToList()), name, draw, depth);
        if (name == "source") return JsonMutation.Quote(Flow(draw));
        if (name == "parameters") return draw.Of("{}", "{\"n\":1}", "{\"n\":\"x\"}", "{\"grid\":[[[[]]]]}", "{\"nobody\":1}", "{\"n\":9223372036854775808}");
        if (name == "output") return draw.Of("{}", "{\"items\":[1],\"way\":\"l\"}", "[]", "\"x\"");
        if (!schema.TryGetProperty("type", out var type)) return "{}";
        switch (type.ValueKind == JsonValueKind.Array ? draw.Among(type.EnumerateArray().Select(t => t.GetString()!).ToList()) : type.GetString())
        {
            case "object":
                if (depth > 5 || !schema.TryGetProperty("properties", out var properties)) return "{}";
                var required = schema.TryGetProperty("required", out var needed) ? needed.EnumerateArray().Select(r => r.GetString()).ToHashSet() : [];
                var members = properties.EnumerateObject().Where(p => required.Contains(p.Name) || draw.OneIn(2)).Select(p => $"\"{p.Name}\":{Value(p.Value, p.Name, draw, depth + 1)}").ToList();
                return $"{{{string.Join(',', members)}}}";
            case "array":
                return $"[{string.Join(',', Enumerable.Range(0, draw.Below(3)).Select(_ => Value(schema.GetProperty("items"), name, draw, depth + 1)))}]";
            case "string":
                return JsonMutation.Quote(name switch { "step" => "1:start", "token" => _world.Lease.Token, "ended_at" or "started_at" => "2026-01-31T18:00:00Z", "from_step" => "start", _ => Likely(name, default, draw) });
            case "integer" or "number":
                return name is "wait_ms" ? "0" : draw.Below(5).ToString(CultureInfo.InvariantCulture);
            case "boolean":
                return draw.Of("true", "false");
            default:
                return "null";
        }
    }

    private static Dictionary<string, string> Headers(Draw draw)
    {
        var headers = new Dictionary<string, string>();
        foreach (var name in new[] { "X-Fanfare-Actor", "Idempotency-Key", "Last-Event-ID", "Origin", "Accept", "Authorization" })
            if (draw.OneIn(25)) headers[name] = new string([.. Clean(Hostile.Text(draw)).Where(c => c is >= ' ' and <= '~')]);
        return headers;
    }

    // What has no UTF-8 form cannot be sent at all.
    private static string Clean(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
