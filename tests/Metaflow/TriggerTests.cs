using System.Text.Json;

namespace Fanfare.Metaflow;

/// <summary><c>@trigger</c> and <c>@trigger_on_finish</c>: flows that events and other flows start.</summary>
public sealed class TriggerTests
{
    [MetaflowFact]
    public async Task AFlowPublishes_AnotherStartsByTheEvent_AndAThirdByItsEnd()
    {
        await using var site = await MetaflowSite.StartAsync();
        Assert.Contains("The event data.ready; it gives alpha (its rate), grid, table.", await site.DoneAsync("listening", "fanfare", "create"), StringComparison.Ordinal);
        Assert.Contains("The end of a run of Publishing that succeeded.", await site.DoneAsync("following", "fanfare", "create"), StringComparison.Ordinal);
        // With a fork server, which has read Metaflow's configuration before the task, and without.
        foreach (var option in (string[][])[[], ["--no-warm"]])
        {
            await site.DoneAsync("publishing", ["fanfare", "create", .. option]);
            var upstream = await site.TriggerAsync("publishing", "--rate", "0.75");
            Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(upstream, Eventually.Limit)).Status);
            var published = (await site.ReadAsync($"Publishing/{upstream}", "event")).GetProperty("end").GetProperty("event").GetString();

            var listening = await StartedAsync(site, "Listening", option.Length + 1);
            var read = await site.ReadAsync($"Listening/{listening}", "given", "seen");
            // Texts of the event became what the parameters are; what it did not give is the default.
            Assert.Equal("""[0.75, "orders", {"a": [1]}, "as it was"]""", read.GetProperty("end").GetProperty("given").GetRawText());
            Assert.Equal($"""["data.ready", "{published}", "event"]""", FirstOf(read.GetProperty("end").GetProperty("seen"), 3));
            Assert.Equal($"""["data.ready", "{published}", "event"]""", read.GetProperty("trigger").GetRawText());

            var following = await StartedAsync(site, "Following", option.Length + 1);
            read = await site.ReadAsync($"Following/{following}", "seen");
            Assert.Equal($"""["Publishing/{upstream}", 0.75, true, "run"]""", read.GetProperty("end").GetProperty("seen").GetRawText());
            Assert.Equal($"""["metaflow.Publishing.end", "Publishing/{upstream}/end/end", "run"]""", read.GetProperty("trigger").GetRawText());
        }
        Assert.DoesNotContain("start cold", site.Worker.Output, StringComparison.Ordinal);

        // What somebody starts has no trigger; what resumes a run is about what that was about.
        var byHand = await site.TriggerAsync("listening", "--table", "customers");
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(byHand, Eventually.Limit)).Status);
        var read2 = await site.ReadAsync($"Listening/{byHand}", "seen", "given");
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (read2.GetProperty("end").GetProperty("seen").ValueKind, read2.GetProperty("trigger").ValueKind));
        Assert.Equal("""[0.1, "customers", [], "as it was"]""", read2.GetProperty("end").GetProperty("given").GetRawText());
        var first = (await RunsAsync(site, "Following"))[0];
        var resumed = await site.ResumeAsync("following", first, "--step-to-rerun", "end");
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(resumed, Eventually.Limit)).Status);
        var (was, now) = (await site.ReadAsync($"Following/{first}", "seen"), await site.ReadAsync($"Following/{resumed}", "seen"));
        Assert.Equal(was.GetProperty("end").GetRawText(), now.GetProperty("end").GetRawText());
        Assert.Equal(was.GetProperty("trigger").GetRawText(), now.GetProperty("trigger").GetRawText());
    }

    [MetaflowFact]
    public async Task EventsOfAProject_AreItsBranchs_AndAllOfThemHaveToCome()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("waiting", "--production", "fanfare", "create");
        var triggers = await TriggersAsync(site);
        Assert.Equal(["trigger", "trigger_on_finish"], triggers.Select(trigger => trigger.Trigger));
        Assert.Equal(["mfns.shop.prod.left", "right"], triggers[0].Standing.Spec.Sources.Select(source => source.Event));
        Assert.Equal("other-prod-Publishing", Assert.Single(triggers[1].Standing.Spec.Sources).Flow);

        await PublishAsync(site, "right", new() { ["id"] = "2" });
        await PublishAsync(site, "left", []);
        await PublishAsync(site, "mfns.shop.prod.left", new() { ["timestamp"] = "soon" });
        var run = await StartedAsync(site, "shop-prod-Waiting", 1);
        var read = await site.ReadAsync($"Waiting/{run}", "seen");
        Assert.Equal("""["mfns.shop.prod.left", "right"]""", read.GetProperty("end").GetProperty("seen").GetRawText());

        await site.DoneAsync("waiting", "--production", "fanfare", "create", "--no-triggers");
        await Eventually.TrueAsync(async () => (await TriggersAsync(site)).Count == 0, "No trigger");
    }

    [MetaflowFact]
    public async Task WhatTheServerRefuses_IsToldWithTheRemedy()
    {
        await using var site = await MetaflowSite.StartAsync();

        var (code, said) = await site.FlowAsync("itself", "fanfare", "create");

        Assert.NotEqual(0, code);
        Assert.Contains("The flow would start itself again at each end of its runs", said, StringComparison.Ordinal);
        Assert.Contains("Name another flow.", said, StringComparison.Ordinal);
    }

    private static string FirstOf(JsonElement list, int count) => $"[{string.Join(", ", list.EnumerateArray().Take(count).Select(item => item.GetRawText()))}]";

    /// <summary>Waits for so many runs of the flow, and for the end of the newest; returns its id.</summary>
    private static async Task<string> StartedAsync(MetaflowSite site, string flow, int count)
    {
        await Eventually.TrueAsync(async () => (await RunsAsync(site, flow)).Count == count, $"{count} runs of {flow}");
        var run = (await RunsAsync(site, flow))[0];
        var end = await site.Api.EndAsync(run, Eventually.Limit);
        Assert.True(end.Status == RunStatus.Succeeded, end.Error?.Message);
        return run;
    }

    /// <summary>Newest first.</summary>
    private static async Task<IReadOnlyList<string>> RunsAsync(MetaflowSite site, string flow) => [.. (await site.Api.RunsAsync()).Items.Where(run => run.Flow == flow).Select(run => run.Run)];

    private static async Task<IReadOnlyList<TriggerView>> TriggersAsync(MetaflowSite site) =>
        JsonSerializer.Deserialize(await site.Api.GetTextAsync("/api/v1/triggers"), ContractsJson.Default.ListResponseTriggerView)!.Items;

    private static async Task PublishAsync(MetaflowSite site, string name, Dictionary<string, string> payload) =>
        Assert.Equal(201, (await site.Api.AnswerAsync(HttpMethod.Post, "/metaflow/events", new { name, payload })).Status);
}
