using Xunit.Abstractions;

namespace Fanfare.Mutations;

/// <summary>A test of the simulation: would it notice?</summary>
public abstract class MutationTests(ITestOutputHelper output)
{
    private const int Seeds = 2000;
    private const int LongSeeds = 30_000;

    protected async Task NoticedAsync(string name)
    {
        var mutation = Planted.All.Single(m => m.Name == name);
        using var simulator = MutatedSimulator.Make(mutation);

        var (status, told) = await LookAsync(simulator, mutation.Seed, 1);
        var seeds = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 } ? LongSeeds : Seeds;
        if (status == 0) (status, told) = await LookAsync(simulator, 1, seeds);

        output.WriteLine(told);
        Assert.True(status == 1, $"{name}: {seeds} seeds notice nothing of it (status {status}).\n{told}");
        Assert.Contains("breaks an invariant", told, StringComparison.Ordinal);
    }

    private static Task<(int Status, string Output)> LookAsync(MutatedSimulator simulator, int from, int seeds) =>
        simulator.RunAsync("--from", $"{from}", "--seeds", $"{seeds}", "--threads", "1", "--failures", "1", "--whole", "--lines", "0");

    protected static TheoryData<string> Every(int which, int of) => [.. Planted.All.Where((_, i) => i % of == which).Select(m => m.Name)];
}

// Two classes, so that two processors are used.
public sealed class EvenMutationTests(ITestOutputHelper output) : MutationTests(output)
{
    public static TheoryData<string> Mutations() => Every(0, 2);

    [Theory]
    [MemberData(nameof(Mutations))]
    public Task ABug_IsNoticed(string bug) => NoticedAsync(bug);

    [Fact]
    public void EveryMutation_HasANameOfItsOwn() => Assert.Equal(Planted.All.Count, Planted.All.Select(m => m.Name).Distinct().Count());
}

public sealed class OddMutationTests(ITestOutputHelper output) : MutationTests(output)
{
    public static TheoryData<string> Mutations() => Every(1, 2);

    [Theory]
    [MemberData(nameof(Mutations))]
    public Task ABug_IsNoticed(string bug) => NoticedAsync(bug);
}
