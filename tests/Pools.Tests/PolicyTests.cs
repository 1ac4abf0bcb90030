using System.Runtime.CompilerServices;
using System.Text.Json;
using Fanfare.Pools.Ec2;

namespace Fanfare.Pools.Tests;

public sealed class PolicyTests
{
    /// <summary>What a fleet does by itself with the rights of who asks for it.</summary>
    private static readonly string[] OfFleets = ["ec2:RunInstances", "iam:PassRole", "iam:CreateServiceLinkedRole"];

    private static string Policy => Ec2Policy.Json("fanfare", "fanfare-worker");

    [Fact]
    public async Task ThePolicyInTheRepository_IsTheOneOfTheCode()
    {
        var path = Path.Combine(Root(), "deploy", "aws", "pools-policy.json");
        if (Environment.GetEnvironmentVariable("FANFARE_UPDATE_DOCS") == "1") await File.WriteAllTextAsync(path, Policy);

        Assert.True(Policy == await File.ReadAllTextAsync(path), "deploy/aws/pools-policy.json is not what the code makes. Run the tests with FANFARE_UPDATE_DOCS=1 and look at the difference.");
    }

    [Fact]
    public void WhatThePolicyAllows_IsWhatTheClientCalls_AndWhatFleetsDo() =>
        Assert.Equal(
            Ec2Action.All.Select(a => "ec2:" + a.Name).Concat(OfFleets).Order(StringComparer.Ordinal),
            Statements().SelectMany(s => Strings(s, "Action")).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void NothingIsMadeTaggedOrEnded_ButWhatCarriesTheClustersName()
    {
        var onInstances = Statements().Where(s => Strings(s, "Resource").Any(r => r.EndsWith(":instance/*", StringComparison.Ordinal))).ToList();

        Assert.Equal(4, onInstances.Count);
        Assert.All(onInstances, s => Assert.Contains(s.GetProperty("Condition").GetProperty("StringEquals").EnumerateObject(),
            c => c.Name is "aws:RequestTag/fanfare:cluster" or "aws:ResourceTag/fanfare:cluster" && c.Value.GetString() == "fanfare"));
        Assert.All(Statements().Where(s => Strings(s, "Action").Any(a => !a.StartsWith("ec2:Describe", StringComparison.Ordinal))), s => Assert.DoesNotContain("*", Strings(s, "Resource")));
    }

    [Fact]
    public void TheTagsThatTellMachinesApart_AreNotChangedAfterwards() =>
        Assert.Equal(["fanfare:cluster", "fanfare:pool", "fanfare:launch"], Strings(
            Statements().Single(s => s.GetProperty("Sid").GetString() == "LabelInstancesOfTheCluster").GetProperty("Condition").GetProperty("ForAllValues:StringNotEquals"), "aws:TagKeys"));

    [Fact]
    public void OtherPartitions_HaveTheirOwnNames()
    {
        var policy = Ec2Policy.Json("c1", "worker-*", "aws-cn");

        Assert.Contains("arn:aws-cn:iam::*:role/worker-*", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("arn:aws:", policy, StringComparison.Ordinal);
        Assert.Contains("\"ec2.amazonaws.com.cn\"", policy, StringComparison.Ordinal);
    }

    private static List<JsonElement> Statements() => [.. JsonDocument.Parse(Policy).RootElement.GetProperty("Statement").EnumerateArray()];

    private static List<string> Strings(JsonElement of, string name) => [.. of.GetProperty(name).EnumerateArray().Select(e => e.GetString()!)];

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
