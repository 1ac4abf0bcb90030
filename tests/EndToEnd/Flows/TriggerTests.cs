using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.EndToEnd.Flows;

/// <summary>Events and ends of runs start flows, on the built program: each event one run, whatever happens to the server.</summary>
public sealed class TriggerTests : IAsyncLifetime
{
    private Site _site = null!;

    private static readonly string s_etl = $$$"""
        name: etl
        parameters: {day: {default: ""}, size: {type: int, default: 0}}
        triggers:
          on_orders: {event: orders, where: {region: eu}, map: {day: date, size: size}}
        steps:
          start: {run: {{{Run.Python("put(day=os.environ['FANFARE_PARAM_DAY'])")}}}}
        """;

    private static readonly string s_report = $$$"""
        name: report
        parameters: {day: {default: ""}, source: {default: ""}}
        triggers:
          after: {flow: etl, map: {day: parameters.day, source: run}}
          both: {all: [{event: ready}, {flow: etl, map: {day: parameters.day}}], within: 1h}
        steps:
          start: {run: {{{Run.Python("put(day=os.environ['FANFARE_PARAM_DAY'])")}}}}
        """;

    public async Task InitializeAsync() => _site = await Site.StartAsync();

    public async Task DisposeAsync() => await _site.DisposeAsync();

    [Fact]
    public async Task AnEvent_StartsAFlow_WhoseEndStartsAnother_WithWhatItSays()
    {
        await _site.Api.DeployAsync(s_etl);
        await _site.Api.DeployAsync(s_report);

        var ready = await PublishAsync("ready", "{}");
        await Eventually.TrueAsync(async () => (await ReadAsync<TriggerView>("/api/v1/flows/report/triggers/both")).Held is [{ Source: 0 } had] && had.Event == ready.Event, "One of both");
        Assert.Matches($"ready +│? *{ready.Event}", await CommandAsync("event", "trigger", "report", "both"));
        Assert.Contains("has not come", await _site.Api.GetTextAsync("/triggers?flow=report"), StringComparison.Ordinal);
        Assert.Equal("filtered", (await PublishAsync("orders", """{"region":"us"}""")).Outcomes.Single().Result.ToString().ToLowerInvariant());
        var published = await PublishAsync("orders", """{"region":"eu","date":"2026-11-27","size":7}""");
        var again = await PublishAsync("orders", """{"region":"eu","date":"2026-11-27","size":7}""", key: "k");
        var twice = await PublishAsync("orders", """{"region":"eu","date":"2026-11-27","size":7}""", key: "k");

        Assert.Equal((again.Event, false), (twice.Event, twice.New));
        Assert.Equal(again.Outcomes.Single().Run, twice.Outcomes.Single().Run);
        await Eventually.TrueAsync(async () => (await RunsAsync("report")).Count == 3 && (await RunsAsync("report")).All(run => run.Status == RunStatus.Succeeded), "Two runs after etl, one after both");
        Assert.Equal(2, (await RunsAsync("etl")).Count);
        var first = published.Outcomes.Single().Run!;
        var after = (await RunsAsync("report")).Single(run => run.Actor == "trigger:after" && run.Parameters.GetProperty("source").GetString() == first);
        Assert.Equal("2026-11-27", (await _site.Api.OutputAsync(after.Run, "start")).GetProperty("day").GetString());
        Assert.Single(await RunsAsync("report"), run => run.Actor == "trigger:both" && run.Tags.Contains("trigger:both"));
        Assert.Contains($"href=\"/events/{published.Event}\"", await _site.Api.GetTextAsync($"/runs/{first}"), StringComparison.Ordinal);
        Assert.Contains($"href=\"/runs/{first}\"", await _site.Api.GetTextAsync($"/events/{published.Event}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EachEvent_StartsOneRun_ThoughTheServerIsKilledAgainAndAgain()
    {
        await _site.Api.DeployAsync(s_etl);
        await _site.Api.DeployAsync(s_report);
        var sent = 0;
        for (var kills = 0; kills < 4; kills++)
        {
            var (from, some) = (sent, new TaskCompletionSource());
            // A client that does not know whether it arrived sends it again, with the key that it has.
            var publishing = Task.Run(async () =>
            {
                for (var i = 0; i < 10; i++)
                {
                    await InsistAsync($"event-{from + i}");
                    if (i == 2) some.SetResult();
                }
            });
            await Task.WhenAny(some.Task, publishing);
            await _site.Server!.KillAsync();
            await _site.StartServerAsync();
            await publishing;
            sent += 10;
        }

        await Eventually.TrueAsync(async () => (await RunsAsync("report")).Count(run => run.Status == RunStatus.Succeeded) >= sent, "A run for the end of each run");

        var (etl, report) = (await RunsAsync("etl"), await RunsAsync("report"));
        Assert.Equal(Enumerable.Range(0, sent).Select(i => $"event-{i}").Order(), etl.Select(run => run.Parameters.GetProperty("day").GetString()!).Order());
        Assert.Equal(etl.Select(run => run.Run).Order(), report.Select(run => run.Parameters.GetProperty("source").GetString()!).Order());
    }

    [Fact]
    public async Task WhatCouldNotStart_IsADeadLetter_ThatADeploymentAndARedriveMend()
    {
        await _site.Api.DeployAsync(s_etl);
        await PublishAsync("orders", """{"region":"eu","size":"many"}""");
        var dead = Assert.Single((await ReadAsync<ListResponse<DeadLetterView>>("/api/v1/dead-letters?flow=etl")).Items);
        Assert.Contains("its type is int", dead.Reason, StringComparison.Ordinal);
        Assert.Empty(await RunsAsync("etl"));

        await _site.Api.DeployAsync(s_etl.Replace(", size: size}", "}", StringComparison.Ordinal));
        var settled = await PostAsync<DeadLettersResponse>("/api/v1/dead-letters:redrive", """{"flow":"etl"}""");

        Assert.Equal(new DeadLettersResponse(1, 0, false), settled);
        Assert.Empty((await ReadAsync<ListResponse<DeadLetterView>>("/api/v1/dead-letters")).Items);
        await Eventually.TrueAsync(async () => (await RunsAsync("etl")).Count(run => run.Status == RunStatus.Succeeded) == 1, "The run");
    }

    [Fact]
    public async Task APausedTrigger_LeavesEventsOut_AndADeletedFlowHearsOfNone()
    {
        await _site.Api.DeployAsync(s_etl);
        await PostAsync<TriggerView>("/api/v1/flows/etl/triggers/on_orders:pause", """{"reason":"not yet"}""");
        var paused = await PublishAsync("orders", """{"region":"eu"}""");
        Assert.Contains("not yet", paused.Outcomes.Single().Reason, StringComparison.Ordinal);
        await PostAsync<TriggerView>("/api/v1/flows/etl/triggers/on_orders:resume", "{}");
        Assert.Equal(TriggerResult.Started, (await PublishAsync("orders", """{"region":"eu"}""")).Outcomes.Single().Result);

        Assert.Equal(200, (await _site.Api.AnswerAsync(HttpMethod.Delete, "/api/v1/flows/etl")).Status);

        Assert.Empty((await PublishAsync("orders", """{"region":"eu"}""")).Outcomes);
        Assert.Single(await RunsAsync("etl"));
    }

    [Fact]
    public async Task TheCommand_PublishesAndShowsWhatCameOfIt()
    {
        await _site.Api.DeployAsync(s_etl);

        var published = await CommandAsync("event", "publish", "orders", "--payload", """{"region":"eu","size":1.5}""", "--key", "k");
        var listed = await CommandAsync("event", "list");
        var triggers = await CommandAsync("event", "triggers");
        var dead = await CommandAsync("event", "dead");
        var dismissed = await CommandAsync("event", "dismiss", "--all");
        var paused = await CommandAsync("event", "pause", "etl", "on_orders", "--reason", "the source is down");

        Assert.Contains("etl on_orders: failed: Parameter 'size' is the number 1.5; its type is int.", published, StringComparison.Ordinal);
        Assert.Contains("orders", listed, StringComparison.Ordinal);
        Assert.Contains("on_orders", triggers, StringComparison.Ordinal);
        Assert.Contains("its type is int", dead, StringComparison.Ordinal);
        Assert.Contains("Dismissed 1.", dismissed, StringComparison.Ordinal);
        Assert.Contains("the source is down", paused, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASignedWebhook_StartsAFlow_Once_ThoughItIsSentAgainToTheNextServer()
    {
        await File.WriteAllTextAsync(_site.In("orders.secret"), "a secret that is long enough\n");
        await File.WriteAllTextAsync(_site.In("hooks.yaml"), "orders: {event: orders, secrets: {file: orders.secret}}");
        await _site.Server!.KillAsync();
        await _site.StartServerAsync(false, "--webhooks", _site.In("hooks.yaml"));
        await _site.Api.DeployAsync(s_etl);

        Assert.Equal(201, await HookAsync("m1", "a secret that is long enough"));
        Assert.Equal(401, await HookAsync("m2", "another secret, of nobody here"));
        await _site.Server!.KillAsync();
        await _site.StartServerAsync(false, "--webhooks", _site.In("hooks.yaml"));
        Assert.Equal(200, await HookAsync("m1", "a secret that is long enough"));

        await Eventually.TrueAsync(async () => (await RunsAsync("etl")).Count(run => run.Status == RunStatus.Succeeded) == 1, "The run");
        Assert.Equal("2026-11-27", (await RunsAsync("etl")).Single().Parameters.GetProperty("day").GetString());

        async Task<int> HookAsync(string id, string secret)
        {
            var (time, body) = (DateTimeOffset.UtcNow.ToUnixTimeSeconds(), """{"region":"eu","date":"2026-11-27"}""");
            using var http = new HttpClient();
            using var request = new HttpRequestMessage(HttpMethod.Post, _site.Url.TrimEnd('/') + "/hooks/orders") { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
            request.Headers.Add("webhook-id", id);
            request.Headers.Add("webhook-timestamp", $"{time}");
            request.Headers.Add("webhook-signature", "v1," + Convert.ToBase64String(System.Security.Cryptography.HMACSHA256.HashData(System.Text.Encoding.UTF8.GetBytes(secret), System.Text.Encoding.UTF8.GetBytes($"{id}.{time}.{body}"))));
            using var answer = await http.SendAsync(request);
            return (int)answer.StatusCode;
        }
    }

    private async Task<string> CommandAsync(params string[] arguments)
    {
        var command = _site.Command([.. arguments, "--server", _site.Url]);
        Assert.Equal(0, await command.ExitAsync(TimeSpan.FromSeconds(30)));
        return command.Output;
    }

    private async Task InsistAsync(string key) => await Eventually.TrueAsync(async () =>
    {
        try
        {
            var answer = await _site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/events", new { name = "orders", payload = new { region = "eu", date = key }, idempotency_key = key });
            return answer.Status is 200 or 201;
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException or IOException)
        {
            return false;
        }
    }, $"The server to take {key}");

    private Task<PublishResponse> PublishAsync(string name, string payload, string? key = null) =>
        PostAsync<PublishResponse>("/api/v1/events", $$"""{"name":"{{name}}","payload":{{payload}}{{(key is null ? "" : $",\"idempotency_key\":\"{key}\"")}}}""");

    private async Task<T> PostAsync<T>(string path, string body)
    {
        var answer = await _site.Api.AnswerAsync(HttpMethod.Post, path, JsonDocument.Parse(body).RootElement);
        Assert.True(answer.Status is 200 or 201, answer.Body);
        return Read<T>(answer.Body);
    }

    private async Task<T> ReadAsync<T>(string path) => Read<T>(await _site.Api.GetTextAsync(path));

    private static T Read<T>(string json) => (T)JsonSerializer.Deserialize(json, ContractsJson.Default.Options.GetTypeInfo(typeof(T)))!;

    private async Task<IReadOnlyList<RunView>> RunsAsync(string flow) => (await ReadAsync<ListResponse<RunView>>($"/api/v1/runs?flow={flow}&limit=1000")).Items;
}
