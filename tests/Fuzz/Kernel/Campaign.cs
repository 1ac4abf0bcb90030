using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Xunit.Abstractions;

namespace Fanfare.Fuzz.Kernel;

/// <summary>A bounded series of cases under one seed. <c>FANFARE_SEED=seed</c> repeats a series, <c>FANFARE_SEED=seed:case</c> one case of it,
/// and <c>FANFARE_LONG=1</c> makes each last much longer.</summary>
internal sealed class Campaign
{
    /// <summary>What the theories are run with; the last one's seed is drawn anew each time.</summary>
    public const string First = "1", Second = "20261121", Drawn = "drawn";

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("FANFARE_LONG") == "1";
    private static readonly string? Asked = Environment.GetEnvironmentVariable("FANFARE_SEED");

    private readonly string _name;
    private readonly ulong _seed;
    private readonly int? _only;
    private readonly TimeSpan _budget;
    private readonly int _least;
    private readonly ITestOutputHelper _output;

    private Campaign(string name, ulong seed, int? only, TimeSpan budget, int least, ITestOutputHelper output) =>
        (_name, _seed, _only, _budget, _least, _output) = (name, seed, only, budget, least, output);

    /// <param name="name">The test's name, which the instruction to repeat it filters by.</param>
    /// <param name="budget">How long the series lasts; in a long run, <paramref name="factor"/> times that.</param>
    /// <param name="least">Cases that are run in any time: what is expected of a series must not hang on how busy the machine is.</param>
    public static Campaign Of(string name, string seed, TimeSpan budget, ITestOutputHelper output, int factor = 24, int least = 1)
    {
        var parts = (Asked is { Length: > 0 } ? Asked : seed).Split(':');
        var number = parts[0] == Drawn ? BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4)) : ulong.Parse(parts[0], CultureInfo.InvariantCulture);
        var only = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : (int?)null;
        return new Campaign(name, number, only, IsLong ? budget * factor : budget, least, output);
    }

    /// <summary>Runs cases until the time is over, and at least as many as were asked for. What a case throws is told with how to repeat it.</summary>
    /// <param name="run">Gets the case's chance and its number.</param>
    /// <returns>How many cases were run.</returns>
    public async Task<int> RunAsync(Func<Draw, int, Task> run)
    {
        var repeat = $"FANFARE_SEED={_seed} dotnet test tests/Fuzz --filter {_name}";
        _output.WriteLine($"Seed {_seed}. To repeat: {repeat}");
        if (_only is { } only)
        {
            await run(Draw.Of(_seed, only), only);
            return 1;
        }
        var clock = Stopwatch.StartNew();
        var index = 0;
        for (; index < _least || clock.Elapsed < _budget; index++)
        {
            try
            {
                await run(Draw.Of(_seed, index), index);
            }
            catch (Exception e)
            {
                throw new FuzzException($"Seed {_seed}, case {index}. To repeat this case alone: FANFARE_SEED={_seed}:{index} dotnet test tests/Fuzz --filter {_name}{Environment.NewLine}{e.Message}", e);
            }
        }
        _output.WriteLine($"{index} cases in {clock.Elapsed.TotalSeconds:0.0} s.");
        return index;
    }

    /// <summary>The seeds of a theory: two that stay, and one that is drawn.</summary>
    public static TheoryData<string> Seeds => [First, Second, Drawn];
}

/// <summary>A case broke an invariant.</summary>
public sealed class FuzzException : Exception
{
    public FuzzException()
    {
    }

    public FuzzException(string message)
        : base(message)
    {
    }

    public FuzzException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
