namespace Fanfare.EndToEnd.Withstanding;

/// <summary>A flow that this release does not know in all its parts is refused as a whole, with a reason.</summary>
public sealed class SpecTests
{
    [Theory]
    [InlineData("unknown", "name: n\nsteps: {start: {run: [\"true\"], retries: 3}}\n", "retries", "retry")]
    [InlineData("newer", "name: n\nsteps: {start: {run: [\"true\"], wait: 1h}}\n", "wait", "reserved")]
    [InlineData("bomb", "name: n\nsteps: &a {start: {run: [\"true\"]}, b: *a}\n", "b", "alias")]
    public async Task WhatAFlowMayNotHave_IsRefused_ByValidateAndByRun(string file, string flow, string names, string says)
    {
        await using var site = Site.Empty();
        await File.WriteAllTextAsync(site.In($"{file}.yaml"), flow);

        foreach (var verb in (string[])["validate", "run"])
        {
            var command = site.Command(verb, $"{file}.yaml");

            Assert.Equal(2, await command.ExitAsync(Eventually.Limit));
            Assert.Contains($"{file}.yaml:", command.Output, StringComparison.Ordinal);
            Assert.Contains(names, command.Output, StringComparison.Ordinal);
            Assert.Contains(says, command.Output, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("   at ", command.Output, StringComparison.Ordinal);
        }
        Assert.False(Directory.Exists(site.In("fanfare")), "A flow that was refused started a server.");
    }
}
