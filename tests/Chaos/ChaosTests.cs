using System.Diagnostics;
using System.Globalization;
using Fanfare.Chaos.Sites;
using Xunit.Abstractions;

namespace Fanfare.Chaos;

/// <summary>The built program, real processes, a real store, real signals, and all that goes wrong. FANFARE_SEED repeats a schedule of faults;
/// FANFARE_LONG makes it an hour, or so many minutes.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    // Minutes of faults in one campaign of a long form: then its journal is read, and the next begins anew.
    private const int Longest = 8;

    private static readonly TimeSpan Short = TimeSpan.FromSeconds(60);

    [Fact]
    public Task WhateverIsKilledFrozenCutFilledOrSet_EveryRunEndsAsItMust() =>
        RunAsync(() => Task.FromResult<Func<string, ChaosStore>>(data => new SqliteChaosStore(data)));

    [PostgresFact]
    public Task OnPostgresql_WhateverIsKilledFrozenOrCut_ServersAndDatabaseToo_EveryRunEndsAsItMust() => RunAsync(PostgresChaosStore.MakeAsync);

    private async Task RunAsync(Func<Task<Func<string, ChaosStore>>> store)
    {
        var given = Environment.GetEnvironmentVariable("FANFARE_SEED");
        var seed = given is null ? Random.Shared.Next(1_000_000) : int.Parse(given, CultureInfo.InvariantCulture);
        var minutes = Minutes(Environment.GetEnvironmentVariable("FANFARE_LONG"));
        var (began, longest) = (Stopwatch.StartNew(), minutes == 0 ? Short : TimeSpan.FromMinutes(Math.Min(minutes, Longest)));
        do
        {
            output.WriteLine($"Seed {seed}. The same faults again: FANFARE_SEED={seed} ./test.sh ChaosTests");
            await new Campaign(seed, longest, await store(), output.WriteLine).RunAsync();
            seed++;
        }
        while (began.Elapsed.TotalMinutes < minutes);
    }

    private static int Minutes(string? given) => given switch
    {
        null or "" or "0" => 0,
        "1" => 60,
        _ => int.Parse(given, CultureInfo.InvariantCulture),
    };
}
