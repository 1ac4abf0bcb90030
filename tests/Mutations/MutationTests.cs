using Xunit.Abstractions;

namespace Fanfare.Mutations;

/// <summary>A test of the simulation: would it notice?</summary>
public abstract class MutationTests(ITestOutputHelper output)
{
    private const int Seeds = 3000;

    protected async Task NoticedAsync(string name)
    {
        var mutation = Planted.All.Single(m => m.Name == name);
        using var simulator = MutatedSimulator.Make(mutation);

        var (status, told) = await simulator.RunAsync("--seeds", $"{Seeds}", "--threads", "1", "--failures", "1", "--whole", "--lines", "0");

        output.WriteLine(told);
        Assert.True(status == 1, $"{name}: {Seeds} seeds notice nothing of it (status {status}).\n{told}");
        Assert.Contains("breaks an invariant", told, StringComparison.Ordinal);
    }

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
