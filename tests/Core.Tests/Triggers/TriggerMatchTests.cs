using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Triggers;

public sealed class TriggerMatchTests
{
    private static readonly FlowSpec s_flow = new()
    {
        Name = "report",
        Steps = [],
        Parameters =
        [
            new ParameterSpec { Name = "day" }, new ParameterSpec { Name = "n", Type = ParameterType.Int, Default = "1" }, new ParameterSpec { Name = "all", Type = ParameterType.Json, Default = "null" },
        ],
    };

    [Theory]
    [InlineData("""{"p":"a","test":"equal","v":"x"}""", """{"a":"x"}""", true)]
    [InlineData("""{"p":"a","test":"equal","v":1.0}""", """{"a":1}""", true)]
    [InlineData("""{"p":"a","test":"equal","v":{"b":[1]}}""", """{"a":{"b":[1]}}""", true)]
    [InlineData("""{"p":"a","test":"equal","v":null}""", """{"a":null}""", true)]
    [InlineData("""{"p":"a","test":"equal","v":null}""", "{}", false)]
    [InlineData("""{"p":"a","test":"not_equal","v":1}""", "{}", true)]
    [InlineData("""{"p":"a","test":"not_equal","v":1}""", """{"a":1}""", false)]
    [InlineData("""{"p":"a.b.1.c","test":"in","v":[1,"y"]}""", """{"a":{"b":[{},{"c":"y"}]}}""", true)]
    [InlineData("""{"p":"a.b.2","test":"in","v":[1]}""", """{"a":{"b":[1,1]}}""", false)]
    [InlineData("""{"p":"a","test":"not_in","v":[1]}""", """{"a":2}""", true)]
    [InlineData("""{"p":"a","test":"less","v":10}""", """{"a":9.99}""", true)]
    [InlineData("""{"p":"a","test":"less","v":10}""", """{"a":"9"}""", false)]
    [InlineData("""{"p":"a","test":"less_or_equal","v":12345678901234567890123}""", """{"a":12345678901234567890123}""", true)]
    [InlineData("""{"p":"a","test":"greater","v":"2026-11-27"}""", """{"a":"2026-11-28"}""", true)]
    [InlineData("""{"p":"a","test":"greater_or_equal","v":3}""", """{"a":2}""", false)]
    [InlineData("""{"p":"a","test":"prefix","v":"s3://"}""", """{"a":"s3://b"}""", true)]
    [InlineData("""{"p":"a","test":"suffix","v":".csv"}""", """{"a":".CSV"}""", false)]
    [InlineData("""{"p":"a","test":"suffix","v":".csv"}""", """{"a":7}""", false)]
    [InlineData("""{"p":"a","test":"prefix","v":"x"}""", """{"a":"\ud800"}""", false)]
    [InlineData("""{"p":"a","test":"exists","v":true}""", """{"a":null}""", true)]
    [InlineData("""{"p":"a","test":"exists","v":false}""", """{"b":1}""", true)]
    [InlineData("""{"p":"a","test":"exists","v":true}""", """{"b":1}""", false)]
    public void ACondition_HoldsOfThePayload_OrNot(string condition, string payload, bool holds)
    {
        using var document = JsonDocument.Parse(condition);
        var (path, test, value) = (document.RootElement.GetProperty("p").GetString()!, document.RootElement.GetProperty("test").GetString()!, document.RootElement.GetProperty("v").GetRawText());
        var kind = Enum.GetValues<PayloadTest>().Single(each => JsonNamingPolicy.SnakeCaseLower.ConvertName(each.ToString()) == test);

        var outcome = Match(new TriggerSource { Event = "loaded", Where = [new PayloadCondition(path, kind, value)] }, payload, """{"day":"x"}""");

        Assert.Equal(holds ? TriggerResult.Started : TriggerResult.Filtered, outcome.Result);
        Assert.Equal(holds, outcome.Reason is null);
    }

    [Fact]
    public void FieldsOfThePayload_BecomeParameters_AboveTheTriggersOwn()
    {
        var source = new TriggerSource { Event = "loaded", Map = [new("day", "date"), new("n", "counts.0"), new("all", "")] };

        var outcome = Match(source, """{"date":20261127,"counts":[5]}""", """{"n":2,"day":"never"}""");

        Assert.Equal("""{"n":5,"day":"20261127","all":{"date":20261127,"counts":[5]}}""", outcome.Start!.Parameters);
        Assert.Equal((RunIds.OfTrigger("default", "report", "on", ["e1"]), 3), (outcome.Start.Run, outcome.Deployment));
        Assert.Equal(["mine", "trigger:on"], outcome.Start.Tags);
    }

    [Theory]
    [InlineData("""{"n":"five","date":"x"}""", "Parameter 'n' is a string; its type is int.")]
    [InlineData("""{"n":5}""", "Parameter 'day' is missing")]
    public void WhatAnEventSays_MayNotDo_AndIsADeadLetter(string payload, string reason)
    {
        var outcome = Match(new TriggerSource { Event = "loaded", Map = [new("day", "date"), new("n", "n")] }, payload);

        Assert.Equal(TriggerResult.Failed, outcome.Result);
        Assert.Contains(reason, outcome.Reason, StringComparison.Ordinal);
        Assert.Null(outcome.Start);
    }

    [Fact]
    public void OneOfSeveral_IsCheckedWhenItComes()
    {
        var source = new TriggerSource { Event = "loaded", Map = [new("day", "date"), new("n", "n")] };
        var row = Row(new TriggerSpec { Name = "on", All = true, Sources = [new TriggerSource { Event = "other" }, source] });

        Assert.Equal(new HeldEvent(1, """{"day":"x"}""", row.Standing!.Spec), Match(row, """{"date":"x"}""").Held);
        Assert.Equal(TriggerResult.Failed, Match(row, """{"date":"x","n":1.5}""").Result);
        Assert.Contains("has no date", Match(row, "{}").Reason, StringComparison.Ordinal);
        Assert.Contains("larger than", Match(row, $$"""{"date":"{{new string('x', Limits.ParameterBytes / 4)}}"}""").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void ARunsEnd_IsOfTheKindThatIsListenedFor()
    {
        var source = new TriggerSource { Flow = "etl", Ends = [RunStatus.Failed, RunStatus.Cancelled] };
        TriggerOutcome Of(string status) => TriggerMatch.Of("e1", new EventOrigin(EventKind.RunEnd, "etl"), Parse($$"""{"status":"{{status}}"}"""), Row(new TriggerSpec { Name = "on", Sources = [source], Parameters = """{"day":"x"}""" }), s_flow);

        Assert.Equal((TriggerResult.Filtered, "The run ended as succeeded."), (Of("succeeded").Result, Of("succeeded").Reason));
        Assert.Equal(TriggerResult.Started, Of("cancelled").Result);
    }

    [Fact]
    public void APausedTrigger_StartsNothing_AndSaysWhoPausedIt()
    {
        var row = Row(new TriggerSpec { Name = "on", Sources = [new TriggerSource { Event = "loaded" }], Parameters = """{"day":"x"}""" });
        row = row with { Standing = row.Standing! with { Pause = new SchedulePause("olga", DateTimeOffset.UnixEpoch, "later") } };

        Assert.Equal((TriggerResult.Paused, "It is paused, by olga: later."), (Match(row, "{}").Result, Match(row, "{}").Reason));
    }

    private static TriggerOutcome Match(TriggerSource source, string payload, string parameters = "{}") =>
        Match(Row(new TriggerSpec { Name = "on", Sources = [source], Parameters = parameters, Tags = ["mine"] }), payload);

    private static TriggerOutcome Match(TriggerRow row, string payload) => TriggerMatch.Of("e1", new EventOrigin(EventKind.Event, "loaded"), Parse(payload), row, s_flow);

    private static TriggerRow Row(TriggerSpec spec) => new("default", "report", "on", new TriggerStanding(3, spec, null));

    private static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
