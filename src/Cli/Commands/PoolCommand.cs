using System.CommandLine;
using System.Globalization;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;
using Fanfare.Specs;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare pool</c>: machines that are started when tasks wait and ended when none do.</summary>
internal static class PoolCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("pool", "Pools of machines, which grow and shrink with what waits") { Set(global), List(global), Show(global), Delete(global) };
        ExampleHelp.Add(command, "fanfare pool set gpu.yaml", "fanfare pool list", "fanfare pool show gpu");
        return command;
    }

    private static Command Set(GlobalOptions global)
    {
        var file = new Argument<FileInfo>("POOL.yaml") { Description = "The pool's file, YAML or JSON" };
        var command = new Command("set", "Make the pool that a file describes, or change it; machines that are there stay, and are ended where there are too many") { file };
        ExampleHelp.Add(command, "fanfare pool set gpu.yaml");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var source = FlowFiles.Read(session, parsed.GetRequiredValue(file), "pool");
            var (pool, errors) = PoolFileReader.Read(source.Text);
            if (pool is null) throw FlowFiles.Wrong("pool", errors);
            var change = await session.Api.SetPoolAsync(pool.Name, new SetPoolRequest(source.Text), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(change);
            else session.Screen.Say(change.New
                ? $"Pool {change.Pool} is set, as version {change.Version}. What becomes of it: fanfare pool show {change.Pool}"
                : $"Pool {change.Pool} is unchanged: version {change.Version}.");
            return ExitCode.Success;
        });
    }

    private static Command List(GlobalOptions global)
    {
        var (limit, cursor) = (Arguments.Limit(100), Arguments.Cursor());
        var command = new Command("list", "List pools, how many machines each has and would have, and what keeps it from having them") { limit, cursor };
        ExampleHelp.Add(command, "fanfare pool list");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.ListPoolsAsync(parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No pools. Make one with: fanfare pool set POOL.yaml");
            else
            {
                session.Screen.Table(["POOL", "PROVIDER", "QUEUES", "MACHINES", "WANTED", "MAX", "TASKS", "STATE"], page.Items.Select(pool => new[]
                {
                    Screen.Escape(pool.Spec.Name), Words.Of(pool.Spec.Provider), Queues(pool.Spec), Machines(pool), $"{pool.Wanted}", $"{pool.Spec.Max}", $"{pool.Machines.Sum(machine => machine.Tasks)}",
                    pool.DeletedAt is not null ? "[yellow]deleted[/]" : pool.Why is [var first, ..] ? Screen.Escape(Words.Brief(first, 120)) : "",
                }));
                if (page.Next is not null) session.Screen.Note($"There are more: --limit, or --cursor {page.Next}");
            }
            return ExitCode.Success;
        });
    }

    private static Command Show(GlobalOptions global)
    {
        var name = Arguments.Pool(global);
        var command = new Command("show", "Show a pool's machines, and why it has no more of them or no fewer") { name };
        ExampleHelp.Add(command, "fanfare pool show gpu");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var pool = await session.Api.GetPoolAsync(parsed.GetRequiredValue(name), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(pool);
            else Show(session, pool);
            return ExitCode.Success;
        });
    }

    // It asks nobody: what runs goes on to its end, and setting the pool again puts it back.
    private static Command Delete(GlobalOptions global)
    {
        var name = Arguments.Pool(global);
        var command = new Command("delete", "Delete a pool: its machines end with their last tasks") { name };
        ExampleHelp.Add(command, "fanfare pool delete gpu");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var change = await session.Api.DeletePoolAsync(parsed.GetRequiredValue(name), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(change);
            else session.Screen.Say(change.New
                ? $"Pool {change.Pool} is deleted. Its machines end with their last tasks; until then: fanfare pool show {change.Pool}"
                : $"Pool {change.Pool} was deleted before.");
            return ExitCode.Success;
        });
    }

    private static void Show(Session session, PoolInfo pool)
    {
        var (screen, clock, spec) = (session.Screen, session.Host.Clock, pool.Spec);
        screen.SayMarkup($"[bold]{Screen.Escape(spec.Name)}[/], {Words.Of(spec.Provider)}, version {pool.Version}, by {Screen.Escape(pool.Setting.Actor)} at {Words.Time(pool.Setting.At, clock)}");
        if (pool.DeletedAt is { } deleted) screen.SayMarkup($"  [yellow]deleted[/]  at {Words.Time(deleted, clock)}; its machines end with their last tasks");
        screen.Say($"  machines {Machines(pool)}; {pool.Wanted} wanted, of at most {spec.Max}{(spec.Min > 0 ? $", at least {spec.Min}" : "")}{(spec.Spare > 0 ? $", {spec.Spare} spare" : "")}");
        screen.Say($"  each     {Offer(spec.Machine)}");
        screen.SayMarkup($"  queues   {Queues(spec)}");
        screen.Say($"  ends     when idle for {Words.Exactly(spec.Idle)}{(spec.Lifetime is { } age ? $", or {Words.Exactly(age)} old" : "")}, or not heard of {Words.Exactly(spec.RegisterWithin)} after its launch");
        if (spec.Ec2 is { } ec2) screen.SayMarkup($"  launches {Screen.Escape(Launches(ec2))}");
        foreach (var why in pool.Why) screen.SayMarkup($"  [yellow]why[/]      {Screen.Escape(why)}");
        if (pool.Machines.Count == 0) return;
        screen.Say("");
        var now = clock.GetUtcNow();
        screen.Table(["MACHINE", "STATE", "TYPE", "ZONE", "CAPACITY", "TASKS", "AGE", "WHY"], pool.Machines.Select(machine => new[]
        {
            Screen.Escape(machine.Machine), State(machine.State), Or(machine.Type), Or(machine.Zone), machine.Capacity == CapacityKind.Spot ? "spot" : "on demand", $"{machine.Tasks}", Words.Duration(now - machine.LaunchedAt),
            Screen.Escape(Words.Brief(machine.Why ?? "", 200)),
        }));
    }

    /// <summary>How many are in each state: <c>2 busy, 1 starting</c>.</summary>
    private static string Machines(PoolInfo pool) => pool.Machines.Count == 0 ? "none"
        : string.Join(", ", pool.Machines.GroupBy(machine => machine.State).OrderBy(some => some.Key).Select(some => $"{some.Count()} {Words.Of(some.Key)}"));

    private static string Queues(PoolSpec spec) => spec.Queues.Count == 0 ? "all" : Screen.Escape(string.Join(' ', spec.Queues));

    private static string Or(string text) => text.Length == 0 ? "-" : Screen.Escape(text);

    private static string Offer(ResourceSpec machine)
    {
        var parts = new List<string> { string.Create(CultureInfo.InvariantCulture, $"{machine.Cpu:0.##} {(machine.Cpu == 1 ? "core" : "cores")}") };
        if (machine.MemoryBytes > 0) parts.Add($"{Words.Bytes(machine.MemoryBytes)} of memory");
        if (machine.Gpu > 0) parts.Add(Words.Count(machine.Gpu, "GPU"));
        if (machine.DiskBytes > 0) parts.Add($"{Words.Bytes(machine.DiskBytes)} of disk");
        return string.Join(", ", parts);
    }

    private static string Launches(Ec2PoolSpec ec2)
    {
        var types = ec2.Needs is { } needs
            ? $"any with {needs.VCpus} vCPUs, {Words.Bytes(needs.MemoryMiB << 20)}{(needs.Gpus > 0 ? $", {Words.Count(needs.Gpus, "GPU")}" : "")}, {needs.Architecture}"
            : string.Join(' ', ec2.Choices.Select(choice => choice.Type).Distinct());
        var places = ec2.Choices.Select(choice => choice.Subnet ?? choice.Zone).OfType<string>().Distinct().ToList();
        var price = ec2.MaxPrice is { } most ? string.Create(CultureInfo.InvariantCulture, $" for at most {most} USD an hour") : "";
        var capacity = ec2.SpotPercent == 0 ? "on demand" : $"{ec2.SpotPercent} % spot{price}{(ec2.OnDemandFallback ? ", on demand what spot does not give" : "")}";
        return $"{ec2.Template}: {types}{(places.Count > 0 ? $" in {string.Join(' ', places)}" : "")}; {capacity}";
    }

    private static string State(MachineState state)
    {
        var word = Words.Of(state);
        return state switch
        {
            MachineState.Busy or MachineState.Idle => $"[green]{word}[/]",
            MachineState.Starting => $"[blue]{word}[/]",
            _ => $"[yellow]{word}[/]",
        };
    }
}
