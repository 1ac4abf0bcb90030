using Fanfare.Pools.Ec2;

namespace Fanfare.Pools.Tests;

public sealed class LaunchRequestTests
{
    private static readonly LaunchRequest Fine = new()
    {
        Cluster = "c1",
        Pool = "cpu",
        Id = "l-1",
        AskedAt = new DateTimeOffset(2026, 11, 27, 2, 41, 8, TimeSpan.Zero),
        Count = 1,
        Offerings = [Stage.OnDemand(Stage.Small)],
    };

    private static readonly MachineNeeds Needs = new() { VCpus = 2, MemoryMiB = 4096, Architecture = "x86_64" };

    [Fact]
    public void ATokensForm_IsForEver()
    {
        var token = LaunchToken.Of(Fine);

        Assert.Equal("58d815b79cf78b58a5c63347b20f1b855c1e6ec6", token);
        Assert.Equal("2fac0f0c0ff2007bc38c099ac4517ca51162f66a", LaunchToken.Part(token, 0));
    }

    [Fact]
    public void LaunchesWithOtherNames_HaveOtherTokens_AndTheirPartsToo()
    {
        string[] tokens =
        [
            LaunchToken.Of(Fine), LaunchToken.Of(Fine with { Cluster = "c2" }), LaunchToken.Of(Fine with { Pool = "gpu" }), LaunchToken.Of(Fine with { Id = "l-2" }),
            LaunchToken.Of(Fine with { Cluster = "c", Pool = "1cpu" }), LaunchToken.Of(Fine with { Cluster = "c1;3:cpu" }),
        ];

        Assert.Equal(tokens.Length * 3, tokens.Concat(tokens.Select(t => LaunchToken.Part(t, 0))).Concat(tokens.Select(t => LaunchToken.Part(t, 1))).Distinct().Count());
        Assert.Equal(LaunchToken.Of(Fine), LaunchToken.Of(Fine with { Count = 7, AskedAt = Fine.AskedAt.AddDays(1), Template = "x" }));
    }

    [Fact]
    public void WhatNoProviderCouldServe_IsRefused_WithFieldRuleAndRemedy()
    {
        Fine.Check();
        Refuses("its cluster is ''. Give it 1 to 128 characters", Fine with { Cluster = "" });
        Refuses("its id is 'a\nb'. Give it", Fine with { Id = "a\nb" });
        Refuses("its pool is '" + new string('p', 129), Fine with { Pool = new string('p', 129) });
        Refuses("its count is 1001. Ask for 1 to 1000 machines", Fine with { Count = 1001 });
        Refuses("it has no offering. Name at least one machine", Fine with { Offerings = [] });
        Refuses("offering 1 has no choice.", Fine with { Offerings = [Fine.Offerings[0], Stage.Spot()] });
        Refuses("offering 0 has 61 choices. Give one offering at most 60", With(Stage.Spot([.. Enumerable.Repeat(Stage.Small, 61)])));
        Refuses("offering 0 takes at most 0 machines. Say at least 1", With(Stage.Spot(Stage.Small) with { AtMost = 0 }));
        Refuses("offering 0 has a price cap and is on demand", With(Stage.OnDemand(Stage.Small) with { MaxPrice = 1 }));
        Refuses("offering 0 has a price cap of 0.001 US dollars. Say more", With(Stage.Spot(Stage.Small) with { MaxPrice = 0.001m }));
        Refuses("offering 0 has a choice without a type", With(Stage.Spot(new MachineChoice("", "eu-central-1a"))));
        Refuses("offering 0 names a type beside what the machine needs", With(Stage.Spot(Stage.Small) with { Needs = Needs }));
        Refuses("offering 0 needs 0 vCPUs", With(Needs with { VCpus = 0 }));
        Refuses("offering 0 needs 0 MiB of memory", With(Needs with { MemoryMiB = 0 }));
        Refuses("offering 0 needs -1 GPUs", With(Needs with { Gpus = -1 }));
        Refuses("offering 0 has kinds or a bound of GPUs and needs none", With(Needs with { GpuKinds = ["l4"] }));
        Refuses("offering 0 has a bound below what it needs", With(Needs with { MostVCpus = 1 }));
        Refuses("offering 0 needs the architecture 'i386'. Say x86_64 or arm64", With(Needs with { Architecture = "i386" }));

        static LaunchRequest With(object offering) => Fine with { Offerings = [offering as Offering ?? Stage.Spot(new MachineChoice("")) with { Needs = (MachineNeeds)offering }] };
        static void Refuses(string rule, LaunchRequest request) => Assert.Contains(rule, Assert.Throws<InstanceProviderException>(request.Check).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10, 0, false, "OnDemand 10")]
    [InlineData(10, 0, true, "OnDemand")]
    [InlineData(10, 100, false, "Spot 10")]
    [InlineData(10, 100, true, "Spot 10, OnDemand")]
    [InlineData(10, 75, false, "Spot 8, OnDemand 2")]
    [InlineData(10, 75, true, "Spot 8, OnDemand")]
    [InlineData(1, 1, false, "Spot 1")]
    [InlineData(1000, 33, false, "Spot 330, OnDemand 670")]
    public void AMix_IsSoMuchSpot_AndTheRestOnDemand(int count, int spotPercent, bool fallback, string offerings) =>
        Assert.Equal(offerings, string.Join(", ", Offering.Mix([Stage.Small], null, count, spotPercent, fallback).Select(o => $"{o.Capacity} {o.AtMost}".TrimEnd())));

    [Fact]
    public void EachActionOfTheClient_IsInTheList() =>
        Assert.Equal(typeof(IEc2).GetMethods().Select(m => m.Name).Order(StringComparer.Ordinal), Ec2Action.All.Select(a => a.Name + "Async").Order(StringComparer.Ordinal));
}
