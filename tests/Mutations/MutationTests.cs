using System.Globalization;
using Xunit.Abstractions;

namespace Fanfare.Mutations;

/// <summary>A test of the simulation: would it notice? FANFARE_LONG=n tries n seeds with each bug.</summary>
public abstract class MutationTests(ITestOutputHelper output)
{
    private const int Seeds = 4000;
    private const int LongSeeds = 30_000;

    protected async Task NoticedAsync(string name)
    {
        var mutation = Planted.Common.Concat(Planted.Rare).Single(m => m.Name == name);
        using var simulator = MutatedSimulator.Make(mutation);

        var seeds = Environment.GetEnvironmentVariable("FANFARE_LONG") is not { Length: > 0 } given ? Seeds
            : int.TryParse(given, CultureInfo.InvariantCulture, out var count) && count > 1 ? count : LongSeeds;
        var (status, told) = await simulator.RunAsync("--from", $"{mutation.From}", "--seeds", $"{seeds}", "--threads", "1", "--failures", "1", "--whole", "--lines", "0");

        output.WriteLine(told);
        Assert.True(status == 1, $"{name}: {seeds} seeds from {mutation.From} on notice nothing of it (status {status}).\n{told}");
        Assert.Contains("breaks an invariant", told, StringComparison.Ordinal);
    }

    protected static TheoryData<string> Every(int which, int of) =>
        [.. (IsLong ? Planted.Common.Concat(Planted.Rare) : Planted.Common).Where((_, i) => i % of == which).Select(m => m.Name)];

    private static bool IsLong => Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 };
}

// Two classes, so that two processors are used.
public sealed class EvenMutationTests(ITestOutputHelper output) : MutationTests(output)
{
    public static TheoryData<string> Mutations() => Every(0, 2);

    [Theory]
    [MemberData(nameof(Mutations))]
    public Task ABug_IsNoticed(string bug) => NoticedAsync(bug);

    [Fact]
    public void EveryMutation_HasANameOfItsOwn_AndFitsTheCode()
    {
        var all = Planted.Common.Concat(Planted.Rare).ToList();

        Assert.Equal(all.Count, all.Select(m => m.Name).Distinct().Count());
        Assert.All(Planted.Rare, m => MutatedSimulator.Make(m).Dispose());
    }
}

public sealed class OddMutationTests(ITestOutputHelper output) : MutationTests(output)
{
    public static TheoryData<string> Mutations() => Every(1, 2);

    [Theory]
    [MemberData(nameof(Mutations))]
    public Task ABug_IsNoticed(string bug) => NoticedAsync(bug);
}
