using System.CommandLine;
using System.Globalization;

namespace Fanfare.Simulation.Campaigns;

/// <summary>The command line of <c>./simulate</c>.</summary>
internal static class SimulateCommand
{
    private static readonly TimeSpan ShrinkFor = TimeSpan.FromMinutes(2);

    private static readonly Option<long?> s_seeds = new("--seeds") { Description = "How many seeds are lived. Without it, and without --hours: until 2,000 seeds one after another bring nothing new." };
    private static readonly Option<ulong> s_from = new("--from") { Description = "The first seed.", DefaultValueFactory = _ => 1 };
    private static readonly Option<double?> s_hours = new("--hours") { Description = "How long seeds are lived." };
    private static readonly Option<int> s_threads = new("--threads") { Description = "How many lives at a time.", DefaultValueFactory = _ => Environment.ProcessorCount };
    private static readonly Option<int> s_failures = new("--failures") { Description = "Stop after so many failing seeds.", DefaultValueFactory = _ => 3 };
    private static readonly Option<int> s_lines = new("--lines") { Description = "How many lines of the timeline are shown.", DefaultValueFactory = _ => 120 };
    private static readonly Option<string?> s_flows = new("--flows") { Description = "Of one seed, only these flows, separated by ';'." };
    private static readonly Option<string?> s_faults = new("--faults") { Description = "Of one seed, only these faults, separated by ';'." };
    private static readonly Option<bool> s_everywhere = new("--everywhere") { Description = "Instead of seeds: small flows, with a crash at every await and commit, one by one." };
    private static readonly Option<bool> s_each = new("--each") { Description = "Print a line for each seed, with the digest of its history." };
    private static readonly Option<bool> s_whole = new("--whole") { Description = "Do not shrink what fails." };

    public static int Run(string[] args)
    {
        var command = new RootCommand("Lives clusters under virtual time with seeded faults, and checks the invariants. Exit status 1 when one was broken.");
        foreach (var option in (Option[])[s_seeds, s_from, s_hours, s_threads, s_failures, s_lines, s_flows, s_faults, s_everywhere, s_each, s_whole]) command.Options.Add(option);
        AtLeastOne(s_seeds);
        AtLeastOne(s_threads);
        AtLeastOne(s_failures);
        s_hours.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is <= 0 or > 10_000) result.AddError("--hours: must be above 0 and at most 10000. Give a number such as 0.5 or 8.");
        });
        command.SetAction(parsed => Simulate(parsed));
        return command.Parse(args).Invoke();
    }

    private static void AtLeastOne<T>(Option<T> option) => option.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var value }] && long.TryParse(value, CultureInfo.InvariantCulture, out var number) && number < 1)
            result.AddError($"{option.Name}: must be at least 1. Give a whole number such as 1000.");
    });

    private static int Simulate(ParseResult parsed)
    {
        if (parsed.GetValue(s_everywhere)) return Everywhere(parsed);
        if (parsed.GetValue(s_flows) is not null || parsed.GetValue(s_faults) is not null || parsed.GetValue(s_each)) return Each(parsed);
        var (seeds, hours) = (parsed.GetValue(s_seeds), parsed.GetValue(s_hours));
        var campaign = new Campaign(
            new CampaignBounds
            {
                From = parsed.GetValue(s_from),
                Seeds = seeds ?? long.MaxValue,
                Time = hours is { } h ? TimeSpan.FromHours(h) : TimeSpan.MaxValue,
                Plateau = seeds is null && hours is null ? 2000 : null,
                Failures = parsed.GetValue(s_failures),
                Threads = parsed.GetValue(s_threads),
            },
            Console.Error.WriteLine);
        campaign.Run();
        foreach (var failed in campaign.Failed) Tell(failed, parsed);
        Console.WriteLine("faults: " + campaign.Faults);
        Console.WriteLine(campaign.Summary);
        return campaign.Failed.Count > 0 ? 1 : 0;
    }

    private static int Everywhere(ParseResult parsed)
    {
        var failed = CrashEverywhere.Live(Console.Error.WriteLine, parsed.GetValue(s_threads));
        foreach (var life in failed.Take(parsed.GetValue(s_failures)))
        {
            Console.WriteLine($"{life.Flows[0]}, {life.Plan.CrashPoint!.Moment} {life.Plan.CrashPoint.Number}: {life.Violations[0].What}");
            foreach (var line in life.Timeline(parsed.GetValue(s_lines))) Console.WriteLine("  " + line);
        }
        Console.WriteLine($"{failed.Count} crashes broke an invariant");
        return failed.Count > 0 ? 1 : 0;
    }

    private static int Each(ParseResult parsed)
    {
        var broken = 0L;
        var count = parsed.GetValue(s_seeds) ?? 1;
        for (var i = 0UL; i < (ulong)count; i++)
        {
            var life = Life.Of(new LifePlan(parsed.GetValue(s_from) + i) { OnlyFlows = Names(parsed.GetValue(s_flows)), OnlyStrikes = Names(parsed.GetValue(s_faults)) });
            Console.WriteLine(life.Summary);
            if (life.Violations.Count == 0) continue;
            broken++;
            foreach (var violation in life.Violations) Console.WriteLine("  * " + violation.What);
            foreach (var line in life.Timeline(parsed.GetValue(s_lines))) Console.WriteLine("  " + line);
        }
        Console.WriteLine($"{count} seeds, {broken} failed");
        return broken > 0 ? 1 : 0;
    }

    private static HashSet<string>? Names(string? given) => given?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToHashSet();

    private static void Tell(Life failed, ParseResult parsed)
    {
        var smallest = parsed.GetValue(s_whole) ? failed : new Shrinker(ShrinkFor).Shrink(failed);
        Console.WriteLine(Report.Of(failed, smallest, parsed.GetValue(s_lines)));
    }
}
