using Microsoft.Extensions.Logging;

namespace Fanfare.Gateway.Tests.Logging;

public sealed class LogLevelsTests
{
    [Theory]
    [InlineData("", "Fanfare.Runs", LogLevel.Information)]
    [InlineData("", "Microsoft.AspNetCore.Hosting", LogLevel.Warning)]
    [InlineData("", "Orleans.Runtime.Silo", LogLevel.Critical)]
    [InlineData("debug", "Fanfare.Runs", LogLevel.Debug)]
    [InlineData("debug", "Fanfarette", LogLevel.Warning)]
    [InlineData("error, Fanfare.Runs=Trace", "Fanfare.Runs.Started", LogLevel.Trace)]
    [InlineData("error, Fanfare.Runs=Trace", "Fanfare.Attempts", LogLevel.Error)]
    [InlineData("=none", "Npgsql", LogLevel.None)]
    public void TheLongestCategoryThatHoldsCounts(string text, string category, LogLevel level)
    {
        Assert.True(LogLevels.TryRead(text, out var rules, out _));

        Assert.Equal(level, LogLevels.Of(new LogLevels(rules).Rules, category));
    }

    [Theory]
    [InlineData("loud", "'loud' is no level.")]
    [InlineData("3", "'3' is no level.")]
    [InlineData("Fanfare=", "'' is no level.")]
    [InlineData("Fan fare=debug", "the category 'Fan fare' has a character that none has.")]
    public void WhatCannotBeRead_IsNamed_WithTheRemedy(string text, string error)
    {
        Assert.False(LogLevels.TryRead(text, out _, out var said));
        Assert.StartsWith(error, said, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsTakenBack_IsAsItWasAtTheStart()
    {
        var levels = new LogLevels();
        levels.TrySet("Fanfare", LogLevel.Trace, "anna");
        levels.TrySet("Fanfare.Runs", LogLevel.Error, "anna");
        levels.TrySet("Fanfare", null, "anna");
        levels.TrySet("Fanfare.Runs", null, "anna");

        Assert.Equal(new LogLevels().Rules, levels.Rules);
    }

    [Fact]
    public void OnlySoManyCanBeSet()
    {
        var levels = new LogLevels();

        Assert.All(Enumerable.Range(0, LogLevels.MostRules), i => Assert.True(levels.TrySet($"c{i}", LogLevel.Debug, "anna")));
        Assert.False(levels.TrySet("more", LogLevel.Debug, "anna"));
        Assert.True(levels.TrySet("c7", LogLevel.Error, "anna"));
    }

    [Fact]
    public void WhoReadsTheLogSlowly_HoldsUpNobody_AndWhatIsTooMuchIsDropped()
    {
        using var reads = new ManualResetEventSlim();
        var written = 0;
        const int Lines = 50_000;
        using (var log = new ServerLog(LogForm.Json, new LogLevels(), _ => { reads.Wait(); written++; }, TimeProvider.System, _ => null))
        {
            var write = log.Writer("Fanfare.Server");
            for (var i = 0; i < Lines; i++) write("line");
            reads.Set();
        }

        Assert.InRange(written, 1, 10_001);
    }
}
