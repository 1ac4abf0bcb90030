namespace Fanfare.Gateway.Tests.Tracing;

public sealed class TraceSamplingTests
{
    private const int Runs = 2000;

    private readonly List<string> _said = [];

    [Theory]
    [InlineData(null, null, 1)]
    [InlineData("always_on", null, 1)]
    [InlineData("parentbased_always_off", null, 0)]
    [InlineData("traceidratio", "0.25", 0.25)]
    [InlineData("parentbased_traceidratio", "0.5", 0.5)]
    [InlineData("traceidratio", null, 1)]
    public void ItKeepsTheShareThatTheEnvironmentSays(string? sampler, string? argument, double share)
    {
        Assert.Equal(share, ShareOf(sampler, argument), tolerance: 0.05);
        Assert.Empty(_said);
    }

    [Theory]
    [InlineData("jaeger_remote", null, "OTEL_TRACES_SAMPLER: 'jaeger_remote'")]
    [InlineData("traceidratio", "10%", "OTEL_TRACES_SAMPLER_ARG: '10%'")]
    [InlineData("traceidratio", "1.5", "OTEL_TRACES_SAMPLER_ARG: '1.5'")]
    public void WhatItCannotUse_ItSays_AndKeepsAll(string sampler, string? argument, string said)
    {
        Assert.Equal(1, ShareOf(sampler, argument));
        Assert.StartsWith(said, Assert.Single(_said), StringComparison.Ordinal);
    }

    [Fact]
    public void AllNodesDecideTheSame()
    {
        var (one, other) = (Sampling("traceidratio", "0.5"), Sampling("traceidratio", "0.5"));

        Assert.All(Enumerable.Range(0, Runs).Select(TraceOf), trace => Assert.Equal(one.IsSampled(trace), other.IsSampled(trace)));
    }

    private double ShareOf(string? sampler, string? argument)
    {
        var sampling = Sampling(sampler, argument);
        return Enumerable.Range(0, Runs).Count(i => sampling.IsSampled(TraceOf(i))) / (double)Runs;
    }

    private TraceSampling Sampling(string? sampler, string? argument) => new(name => name == "OTEL_TRACES_SAMPLER" ? sampler : argument, _said.Add);

    private static string TraceOf(int run) => TraceIds.OfRun("default", $"r{run}");
}
