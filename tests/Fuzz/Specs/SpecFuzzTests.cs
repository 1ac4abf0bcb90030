using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Fanfare.Specs;
using Xunit.Abstractions;

namespace Fanfare.Fuzz.Specs;

/// <summary>Flows whose structure was changed: the reader refuses each with an error that has a place and a remedy, or takes it whole.</summary>
public sealed class SpecFuzzTests(ITestOutputHelper output)
{
    public static TheoryData<string> Corpora() => Corpus.Names("spec");

    [Theory]
    [MemberData(nameof(Corpora))]
    public void WhatOnceBroke_IsReadOrRefused(string name) => SpecVerdict.Of(Corpus.Text("spec", name));

    [Theory]
    [MemberData(nameof(Campaign.Seeds), MemberType = typeof(Campaign))]
    public async Task ChangedFlows_AreReadOrRefused(string seed)
    {
        var (accepted, refused) = (0, 0);
        var campaign = Campaign.Of(nameof(ChangedFlows_AreReadOrRefused), seed, TimeSpan.FromSeconds(2.5), output);

        var cases = await campaign.RunAsync((draw, _) =>
        {
            var flow = draw.OneIn(3) ? FlowGrowth.Of(draw) : draw.Among(FlowCatalog.Flows);
            var changed = FlowMutation.Of(flow, draw, draw.OneIn(8) ? 0 : draw.OneIn(3) ? draw.Between(2, 9) : 1);
            var json = draw.OneIn(3);
            var text = json ? FlowText.Json(changed) : FlowText.Yaml(changed, draw);
            if (draw.OneIn(10)) text = JsonMutation.Edited(text, draw);
            var result = Judge(text);
            if (result.Spec is null) refused++;
            else accepted++;
            return Task.CompletedTask;
        });

        output.WriteLine($"{accepted} accepted, {refused} refused.");
        // The changes reach what lies behind the first check, on both sides.
        if (cases > 100) Assert.True(accepted > cases / 50 && refused > cases / 5, $"{accepted} accepted, {refused} refused.");
    }

    [Theory]
    [MemberData(nameof(Campaign.Seeds), MemberType = typeof(Campaign))]
    public async Task GrownFlows_AreAccepted_AndMeanTheSameInYamlAndJson(string seed)
    {
        var campaign = Campaign.Of(nameof(GrownFlows_AreAccepted_AndMeanTheSameInYamlAndJson), seed, TimeSpan.FromSeconds(1), output);

        await campaign.RunAsync((draw, _) =>
        {
            var flow = FlowGrowth.Of(draw);
            // With changes, too, as long as each scalar means the same in both.
            if (draw.OneIn(2) && FlowMutation.Of(flow, draw, 1) is var changed && FlowText.IsPortable(changed)) CompareForms(changed, draw, mustBeAccepted: false);
            CompareForms(flow, draw, mustBeAccepted: true);
            return Task.CompletedTask;
        });
    }

    private static void CompareForms(Twig flow, Draw draw, bool mustBeAccepted)
    {
        var (json, yaml) = (FlowText.Json(flow), PlainYaml(flow, draw));
        var (ofJson, ofYaml) = (Judge(json), Judge(yaml));
        if (mustBeAccepted && ofJson.Spec is null) throw new FuzzException($"A valid flow is refused: {string.Join("; ", ofJson.Errors)}. {Corpus.Keep("spec", json, "json")}");
        if (ofJson.Spec is null != ofYaml.Spec is null || (ofJson.Spec is { } spec && FlowSpecJson.Write(spec) != FlowSpecJson.Write(ofYaml.Spec!)))
            throw new FuzzException($"YAML and JSON differ: {string.Join("; ", ofJson.Errors.Concat(ofYaml.Errors).Take(3))}. {Corpus.Keep("spec", json, "json")} {Corpus.Keep("spec", yaml, "yaml")}");
    }

    // JSON is YAML: what is compared is the block form, without the oddities that FlowText adds.
    private static string PlainYaml(Twig twig, Draw draw, int depth = 0)
    {
        var margin = new string(' ', depth * 2);
        return twig switch
        {
            MapTwig { Entries.Count: > 0 } map when draw.Below(4) > 0 => string.Concat(map.Entries.Select(e => $"\n{margin}{JsonMutation.Quote(e.Key)}: {PlainYaml(e.Value, draw, depth + 1)}")),
            ListTwig { Items.Count: > 0 } list when draw.Below(4) > 0 => string.Concat(list.Items.Select(i => $"\n{margin}- {PlainYaml(i, draw, depth + 1)}")),
            _ => FlowText.Json(twig),
        };
    }

    private static SpecResult Judge(string text)
    {
        try
        {
            return SpecVerdict.Of(text);
        }
        catch (FuzzException e)
        {
            throw new FuzzException($"{e.Message}{Environment.NewLine}{Corpus.Keep("spec", text, "yaml")}", e);
        }
    }
}
