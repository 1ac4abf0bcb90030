using System.Globalization;

namespace Fanfare.Gateway.Tests;

/// <summary>Random requests to every operation that the server describes: each is answered in time, by a 4xx with problem details or
/// by success, never by a 5xx.</summary>
public sealed class FuzzTests
{
    private const int RequestsPerSeed = 700;

    private static readonly string[] Words =
    [
        "r1", "r2", "r3", "train", "start", "train[7]", "fold[3,1]", "fold[3,1]#0.0.1", "default", "w1", "1", "0", "-1", "2147483648", "9223372036854775807", "1e9",
        "true", "false", "failed", "running", "FAN0001", "x", "%00", "%2F", "..", "../..", "%2e%2e", "é", "\u202e", "a b", "'", "\"", "<script>", "{", "[", "]", "#", "?", ":", ":cancel",
        "r1:", "train[", "train[7]]", "train[7]#", "train[7]#0.99999999999", "default/step/r1/2:train", "default/step/r1/99999:train", "2026-01-31T18:00:00Z", "aaaa", "application/yaml", "☃", "\ud83c\udfba",
    ];

    private static readonly string[] Bodies =
    [
        "", "{}", "[]", "null", "\"x\"", "{", "{\"a\":", "{\"source\":\"flow x\"}", "{\"source\":\"pool x\"}", "pool x", "{\"source\":null}", "{\"source\":\"\\ud800\"}", "{\"parameters\":{\"a\":[[[[[[]]]]]]}}", "{\"output\":{}}",
        "{\"from_step\":\"train\"}", "{\"reason\":\"\\u0000\"}", "1\n2\n{\"a\":3}", "flow x", PollTests.Poll, "{\"tags\":[1]}", "{\"priority\":1e99}", "\u0000\u0001", "{\"parameters\":{\"\\ud800\":1}}",
    ];

    private static readonly string[] Types = ["application/json", "application/json; charset=utf-8", "application/yaml", "text/plain", "multipart/form-data", "application/octet-stream", "nonsense"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task NoRequest_IsAnsweredBy5xx_OrHangs(int seed)
    {
        await using var server = await Server.StartAsync();
        server.Scheduler.Tokens["1"] = 0;
        var operations = (await (await server.Client.GetAsync("/openapi/v1.json")).JsonAsync()).Operations().ToList();
        operations.AddRange(from page in new[] { "/", "/fragment", "/runs/{run}", "/runs/{run}/fragment", "/runs/{run}/tasks/{task}", "/errors/{code}", "/{any}", "/api/v1/{any}" } select (page, "GET", default(JsonElement)));
        var random = new Random(seed);
        var statuses = new Dictionary<HttpStatusCode, int>();

        for (var i = 0; i < RequestsPerSeed; i++)
        {
            using var request = Request(random, operations[random.Next(operations.Count)]);
            var told = $"seed {seed}, request {i}: {request.Method} {request.RequestUri} {request.Content?.Headers.ContentType}";
            HttpResponseMessage answer;
            try
            {
                answer = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            }
            catch (TaskCanceledException)
            {
                Assert.Fail($"No answer: {told}");
                throw;
            }
            using (answer)
            {
                statuses[answer.StatusCode] = statuses.GetValueOrDefault(answer.StatusCode) + 1;
                if ((int)answer.StatusCode >= 500) Assert.Fail($"{(int)answer.StatusCode}: {told}\n{await answer.Content.ReadAsStringAsync()}");
                // Kestrel itself refuses what is no HTTP, before the gateway sees it.
                if ((int)answer.StatusCode >= 400 && request.Method != HttpMethod.Head && answer.Content.Headers.ContentLength != 0)
                    Assert.True(answer.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{(int)answer.StatusCode} without problem details: {told}");
            }
        }

        // The dice reach the handlers, not only the first check.
        Assert.True(statuses.GetValueOrDefault(HttpStatusCode.OK) > RequestsPerSeed / 30, string.Join(", ", statuses.Select(s => $"{s.Key} {s.Value}")));
        Assert.NotEmpty(server.Scheduler.Commands);
    }

    private static HttpRequestMessage Request(Random random, (string Path, string Method, JsonElement Operation) operation)
    {
        var path = operation.Path;
        for (var open = path.IndexOf('{', StringComparison.Ordinal); open >= 0; open = path.IndexOf('{', StringComparison.Ordinal))
        {
            var close = path.IndexOf('}', StringComparison.Ordinal);
            var value = random.Next(3) > 0 ? Likely(path[(open + 1)..close], random) : Word(random);
            path = path[..open] + Encode(value, random).Replace("{", "%7B", StringComparison.Ordinal).Replace("}", "%7D", StringComparison.Ordinal) + path[(close + 1)..];
        }
        var query = new List<string>();
        if (operation.Operation.ValueKind == JsonValueKind.Object && operation.Operation.TryGetProperty("parameters", out var parameters))
        {
            foreach (var parameter in parameters.EnumerateArray().Where(p => p.GetProperty("in").GetString() == "query"))
            {
                var name = parameter.GetProperty("name").GetString()!;
                // Following waits by design.
                var required = parameter.TryGetProperty("required", out var needed) && needed.GetBoolean();
                if (name != "follow" && random.Next(required ? 8 : 4) >= (required ? 1 : 3))
                    query.Add($"{name}={Encode(random.Next(3) > 0 ? Likely(name, random) : Word(random), random)}");
            }
        }
        if (random.Next(12) == 0) query.Add($"{Encode(Word(random), random)}={Encode(Word(random), random)}");
        var method = random.Next(10) == 0 ? new[] { "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY" }[random.Next(8)] : operation.Method;
        var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path + (query.Count > 0 ? "?" + string.Join('&', query) : ""), UriKind.Relative));
        if (method is "POST" or "PUT" or "PATCH" && random.Next(6) > 0)
        {
            request.Content = new ByteArrayContent(Body(random));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", Types[random.Next(random.Next(2) == 0 ? 1 : Types.Length)]);
        }
        if (random.Next(15) == 0) request.Headers.TryAddWithoutValidation("X-Fanfare-Actor", Word(random));
        if (random.Next(15) == 0) request.Headers.TryAddWithoutValidation("Idempotency-Key", "k" + random.Next(3));
        if (random.Next(15) == 0) request.Headers.TryAddWithoutValidation("Last-Event-ID", random.Next(5).ToString(CultureInfo.InvariantCulture));
        return request;
    }

    private static string Likely(string name, Random random) => name switch
    {
        "run" => random.Next(4) > 0 ? "r1" : "r3",
        "flow" => "train",
        "task" => random.Next(3) switch { 0 => "start", 1 => "train[7]", _ => "default/step/r1/1:start" },
        "step" => "train",
        "key" => "fold[3]",
        "token" or "version" or "limit" or "split" or "attempt" or "offset" => "1",
        "id" => "w1",
        "status" => random.Next(2) == 0 ? "failed" : "running",
        "namespace" => "default",
        "name" => "report.html",
        _ => Word(random),
    };

    private static byte[] Body(Random random)
    {
        var bytes = Encoding.UTF8.GetBytes(Bodies[random.Next(Bodies.Length)]);
        if (bytes.Length > 0 && random.Next(3) == 0)
            for (var i = 0; i < 1 + (bytes.Length / 50); i++) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return bytes;
    }

    private static string Word(Random random) => random.Next(20) == 0 ? new string('x', random.Next(6000)) : Words[random.Next(Words.Length)];

    // What is percent-encoded already stays so half of the time.
    private static string Encode(string word, Random random) => word.StartsWith('%') && random.Next(2) == 0 ? word : Uri.EscapeDataString(word);
}
