using Fanfare.Notices.Texts;

namespace Fanfare.Notices.Tests;

/// <summary>What people read at night, word for word.</summary>
public sealed class TextTests
{
    private static readonly SlackReceiver _receiver = new() { Name = "chat", Url = Samples.Secret("URL") };

    public static TheoryData<string, string, string> Golden => new()
    {
        {
            "failed", "etl failed: load: 3 of 7 files <missing> & \"late\"", """
            Run r1m7xzm70248k35jvmjz, deployment 3, begun 2026-11-27 02:30:00 UTC by schedule:nightly, failed after 11 min 7 s.

            exit: load: 3 of 7 files <missing> & "late"

            Parameters: {"day":"2026-11-27"}
            Tags: nightly

            Logs: fanfare logs r1m7xzm70248k35jvmjz
            Again, from where it failed: fanfare retry r1m7xzm70248k35jvmjz
            """
        },
        {
            "succeeded", "etl succeeded after 11 min 7 s", """
            Run r1m7xzm70248k35jvmjz, deployment 3, begun 2026-11-27 02:30:00 UTC by schedule:nightly, succeeded after 11 min 7 s.

            Parameters: {"day":"2026-11-27"}
            Tags: nightly
            """
        },
        {
            "cancelled", "etl was cancelled", """
            Run r1m7xzm70248k35jvmjz, deployment 3, begun 2026-11-27 02:30:00 UTC by schedule:nightly, was cancelled after 7.1 s.

            Parameters: {"day":"2026-11-27"}
            Tags: nightly
            """
        },
        {
            "late", "etl will be late: due 2026-11-27 04:30 UTC", """
            Run r1m7xzm70248k35jvmjz, deployment 3, begun 2026-11-27 02:30:00 UTC by schedule:nightly, has not ended. It is to have ended by 2026-11-27 04:30:00 UTC, and is expected to by 2026-11-27 05:10:00 UTC.

            Parameters: {"day":"2026-11-27"}
            Tags: nightly

            Where it is: fanfare show r1m7xzm70248k35jvmjz
            """
        },
        {
            "late already", "etl is late: due 2026-11-27 04:30 UTC", """
            Run r1m7xzm70248k35jvmjz, deployment 3, begun 2026-11-27 02:30:00 UTC by schedule:nightly, has not ended. It is to have ended by 2026-11-27 04:30:00 UTC.

            Parameters: {"day":"2026-11-27"}
            Tags: nightly

            Where it is: fanfare show r1m7xzm70248k35jvmjz
            """
        },
        {
            "skipped", "etl skipped an interval of schedule nightly", """
            Schedule nightly has had no run for 2026-11-26 02:30:00 to 2026-11-27 02:30:00 UTC, and will not have one by itself: runs before go on.

            To run it: fanfare schedule rerun etl nightly 2026-11-27T02:30:00Z
            """
        },
        {
            "skipped many", "etl skipped 7 intervals of schedule nightly", """
            Schedule nightly has had no run for 7 intervals from 2026-11-20 02:30:00 to 2026-11-27 02:30:00 UTC, and will not have one by itself: the time has passed, and it does not make up for it.

            To run them: fanfare backfill start etl nightly --from 2026-11-20T02:30:00Z --to 2026-11-27T02:30:00Z
            """
        },
    };

    [Theory, MemberData(nameof(Golden))]
    public void WithoutWordsOfItsOwn_ANoticeSaysWhatHappenedAndWhatCanBeDone(string what, string title, string text)
    {
        var message = Of(what switch
        {
            "failed" => Samples.Failed,
            "succeeded" => Samples.Succeeded,
            "cancelled" => Samples.Cancelled,
            "late" => Samples.Late,
            "late already" => Samples.LateAlready,
            "skipped many" => Samples.SkippedMany,
            _ => Samples.Skipped,
        });

        Assert.Equal((title, text), (message.Title, message.Text));
    }

    [Fact]
    public void AFlowOfAnotherNamespace_IsNamedWithIt() => Assert.Equal("sales/etl was cancelled", Of(Samples.Cancelled with { Namespace = "sales" }).Title);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void WhateverIsKnown_ThereIsATitleAndAText(NoticeKind kind)
    {
        foreach (var payload in new[] { "{}", "", "[]", """{"parameters": null, "tags": [], "error": null, "run": 5}""" })
        {
            var message = Of(Samples.Of(kind, payload));
            Assert.StartsWith("etl ", message.Title, StringComparison.Ordinal);
            Assert.NotEmpty(message.Text);
            Assert.Null(message.Url);
            Assert.DoesNotContain("could not be filled in", message.Text, StringComparison.Ordinal);
        }
    }

    public static TheoryData<NoticeKind> Kinds => [.. Enum.GetValues<NoticeKind>()];

    [Fact]
    public void TheFlowsWords_StandAboveTheReceivers_AndTheseAboveOurs()
    {
        var receiver = _receiver with { Title = "receiver {{ flow }}", Text = "receiver {{ run }}" };

        var own = Of(Samples.Failed with { Title = "flow {{ kind }}", Text = "flow {{ url }}" }, receiver);
        Assert.Equal(("flow failed", "flow https://fanfare.example.com/runs/r1m7xzm70248k35jvmjz"), (own.Title, own.Text));
        var half = Of(Samples.Failed with { Title = "flow {{ kind }}" }, receiver);
        Assert.Equal(("flow failed", "receiver r1m7xzm70248k35jvmjz"), (half.Title, half.Text));
        var theirs = Of(Samples.Failed, receiver);
        Assert.Equal(("receiver etl", "receiver r1m7xzm70248k35jvmjz"), (theirs.Title, theirs.Text));
    }

    [Theory]
    [InlineData("{{ deployment | divided_by: 0 }}", "flow")]
    [InlineData("{{ flow | nothing }}", "flow")]
    [InlineData("{{ flow", "flow")]
    public void ATemplateThatCannotBeFilledIn_GivesWayToOurWords_AndSaysSo(string template, string whose)
    {
        var message = Of(Samples.Cancelled with { Text = template });

        Assert.StartsWith("Run r1m7xzm70248k35jvmjz", message.Text, StringComparison.Ordinal);
        Assert.Contains($"(The text that the {whose} has for this could not be filled in. ", message.Text, StringComparison.Ordinal);

        var title = Of(Samples.Cancelled, _receiver with { Title = template });
        Assert.Equal("etl was cancelled", title.Title);
        Assert.Contains("(The title that the receiver has for this could not be filled in. ", title.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void TitlesAreOneLine_AndBothAreCut()
    {
        var message = Of(Samples.Of(NoticeKind.Failed, $$"""{"error": {"message": "a\n\tb {{new string('x', 20_000)}}"} }""") with { Title = "{{ error.message }}", Text = "{{ error.message }}" });

        Assert.StartsWith("a b xxx", message.Title, StringComparison.Ordinal);
        Assert.True(message.Title.Length <= Limits.TitleChars && message.Text.Length == Limits.TextChars, $"{message.Title.Length} {message.Text.Length}");
        Assert.EndsWith("x…", message.Text, StringComparison.Ordinal);
        Assert.Equal("etl: failed", Of(Samples.Failed with { Title = "{{ reason }}" }).Title);
    }

    [Fact]
    public void WithoutAnAddress_ThereIsNoLink()
    {
        Assert.Null(Message.Of(Samples.Failed, _receiver, null, text => text).Url);
        Assert.Equal("https://example.com/fanfare/runs/r%2F1", Message.Of(Samples.Of(NoticeKind.Failed, """{"run": "r/1"}"""), _receiver, new Uri("https://example.com/fanfare"), text => text).Url!.AbsoluteUri);
    }

    private static Message Of(Notice notice, ReceiverSpec? receiver = null) => Message.Of(notice, receiver ?? _receiver, Samples.Address, text => text);
}
