using Fanfare.Contracts;
using Fanfare.Specs.Templates;

namespace Fanfare.Specs.Tests;

/// <summary>Whoever may deploy a flow writes templates that the server fills in: they get what is known of the notice, and a bounded share of time and memory.</summary>
public sealed class TemplateTests
{
    private const string Payload = """
        {"run": "r1", "flow": "etl", "deployment": 3, "status": "failed", "parameters": {"day": "2026-11-27", "n": 5, "list": [1, "two", null, true]}, "tags": ["night", "prod"], "actor": "ann",
         "created_at": "2026-11-27T02:30:00.000000Z", "ended_at": "2026-11-27T02:41:07.123456Z", "error": {"type": "exit", "message": "a < b & \"c\""}}
        """;

    [Theory]
    [InlineData("{{ kind }} {{ namespace }}/{{ flow }} {{ id }} {{ at }} {{ url }}", "failed default/etl n-1 2026-11-27T02:41:08.000000Z http://fanfare.example/runs/r1")]
    [InlineData("{{ run }} {{ deployment }} {{ error.type }}: {{ error.message }}", "r1 3 exit: a < b & \"c\"")]
    [InlineData("{{ parameters.n | plus: 1 }} {{ parameters.list[1] }} {{ parameters.none }}{{ tags | join: ', ' }}", "6 two night, prod")]
    [InlineData("{{ parameters | json }}", """{"day":"2026-11-27","n":5,"list":[1,"two",null,true]}""")]
    [InlineData("{% if error %}{{ error.message | truncate: 6 }}{% else %}fine{% endif %}", "a <...")]
    [InlineData("{% for tag in tags %}{{ forloop.index }}={{ tag }};{% endfor %}", "1=night;2=prod;")]
    [InlineData("{% assign who = actor | upcase %}{{ who }}", "ANN")]
    [InlineData("{% case kind %}{% when 'failed' %}oh{% when 'late' %}hm{% endcase %}", "oh")]
    [InlineData("{{ ended_at | date: '%Y-%m-%d %H:%M' }}", "2026-11-27 02:41")]
    [InlineData("{{ ended_at | since: created_at }}", "11 min 7 s")]
    [InlineData("{{ created_at | since: ended_at }}{{ run | since: created_at }}", "-11 min 7 s")]
    [InlineData("{{ reason | default: 'none' }}", "none")]
    public void WhatIsKnownOfANotice_IsFilledIn(string template, string text) => Assert.Equal(text, Read(template).Fill(Values(), 1000));

    [Theory]
    [InlineData("line\n{{ flow | }", "in line 2")]
    [InlineData("{% if run %}", "'{% endif %}' was expected")]
    [InlineData("{{ flow | upcas }}", "There is no filter 'upcas'.")]
    [InlineData("{{ flow | base64_encode }}", "There is no filter 'base64_encode'.")]
    [InlineData("{% for x in tags %}{{ y }}{% endfor %}", "Nothing is called 'y'.")]
    [InlineData("{% for i in (1..1000000000) %}{% endfor %}", "It has a range")]
    [InlineData("{% assign all = (1..1000000000) %}{{ all | size }}", "It has a range")]
    [InlineData("{% if tags contains (1..2) %}{% endif %}", "It has a range")]
    [InlineData("{% capture twice %}{{ flow }}{% endcapture %}", "capture")]
    [InlineData("{% include 'passwords' %}", "include")]
    [InlineData("{% render 'x' %}", "render")]
    [InlineData("{% liquid if flow %}", "liquid")]
    [InlineData("{% increment n %}", "increment")]
    public void WhatIsNoTemplate_IsRefused_WithARemedy(string template, string what)
    {
        var (read, fault) = NoticeTemplate.Read(template, Limits.TextTemplateChars);

        Assert.Null(read);
        Assert.Contains(what, fault!.Message, StringComparison.Ordinal);
        Assert.NotEmpty(fault.Remedy);
    }

    public static TheoryData<string, string> Hostile => new()
    {
        { "long", new string('a', Limits.TextTemplateChars + 1) },
        { "deep tags", string.Concat(Enumerable.Repeat("{% if a %}", 400)) },
        { "deep brackets", "{{ tags" + new string('[', 2000) + new string(']', 2000) + " }}" },
        { "deep parentheses", "{{ " + new string('(', 2000) + " }}" },
    };

    [Theory, MemberData(nameof(Hostile))]
    public void WhatWouldUseUpTheStack_IsRefusedBeforeItIsParsed(string what, string template) =>
        Assert.True(NoticeTemplate.Read(template, Limits.TextTemplateChars) is { Template: null, Fault: not null }, what);

    [Theory]
    [InlineData("doubled texts", "{% assign s = 'aaaaaaaaaa' %}", "{% assign s = s | append: s %}", 80)]
    [InlineData("replaced texts", "{% assign s = parameters.long %}", "{% assign s = s | replace: 'x', s %}", 3)]
    [InlineData("joined lists", "", "{{ parameters.many | join: parameters.long }}", 1)]
    [InlineData("loops in loops", "", "{% for a in parameters.many %}{% for b in parameters.many %}{% endfor %}{% endfor %}", 1)]
    [InlineData("work in loops", "", "{% for a in parameters.many %}{{ parameters.long | upcase | downcase | upcase | downcase | size }}{% endfor %}", 1)]
    [InlineData("sorted lists", "", "{% for a in parameters.many %}{% assign s = parameters.many | sort | reverse %}{% endfor %}", 1)]
    public void WhatTakesTooLong_Ends(string what, string head, string part, int times)
    {
        var payload = $$$"""{"parameters": {"long": "{{{new string('x', 60_000)}}}", "many": [{{{string.Join(',', Enumerable.Range(0, 50_000))}}}]}}""";
        var template = Read(head + string.Concat(Enumerable.Repeat(part, times)));
        var (began, before) = (ThreadTime.Now(), GC.GetAllocatedBytesForCurrentThread());

        Assert.Throws<TemplateException>(() => template.Fill(Values(payload), 1000));

        Assert.True(ThreadTime.Now() - began < TimeSpan.FromSeconds(5), $"{what} took {ThreadTime.Now() - began}");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1L << 30, what);
    }

    [Fact]
    public void ALongText_IsCut_AndNoLongerFilledIn()
    {
        var template = Read("{% for tag in tags %}{{ error.message }}{% endfor %}");

        Assert.Equal("a < b & …", template.Fill(Values(), 9));
        Assert.Equal("a < b & \"c\"a < b & \"c\"", template.Fill(Values(), 22));
    }

    [Fact]
    public void TextsOfTheNotice_AreQuoted_AndThoseOfTheTemplateAreNot()
    {
        var values = new TemplateValues(NoticeOf(Payload), null, text => text.Replace("<", "&lt;", StringComparison.Ordinal));

        Assert.Equal("<b>a &lt; b & \"c\"</b>", Read("<b>{{ error.message }}</b>").Fill(values, 100));
    }

    [Theory]
    [InlineData("no JSON")]
    [InlineData("[1]")]
    public void APayloadThatIsNone_LeavesTheRest(string payload) => Assert.Equal("etl ", Read("{{ flow }} {{ run }}").Fill(Values(payload), 100));

    private static NoticeTemplate Read(string text)
    {
        var (template, fault) = NoticeTemplate.Read(text, Limits.TextTemplateChars);
        Assert.True(template is not null, fault?.Message);
        return template;
    }

    private static Notice NoticeOf(string payload) => new("n-1", "default", "etl", NoticeKind.Failed, new DateTimeOffset(2026, 11, 27, 2, 41, 8, TimeSpan.Zero), payload, null, null);

    private static TemplateValues Values(string payload = Payload) => new(NoticeOf(payload), new Uri("http://fanfare.example/runs/r1"), text => text);
}
