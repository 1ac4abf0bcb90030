using System.Globalization;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What a pool is looked at by: all of it as it is at one moment.</summary>
/// <param name="Launching">Machines that were asked for and are not known yet.</param>
/// <param name="SilentLimit">How long a worker may be silent until nothing of its leases can hold any more.</param>
public sealed record PoolScene(PoolSpec Spec, bool IsDeleted, IReadOnlyList<SeenMachine> Machines, int Launching, IReadOnlyList<Demand> Demand, DateTimeOffset Now, TimeSpan SilentLimit);

/// <summary>A machine of a pool, and what is known of its worker.</summary>
/// <param name="Free">What its worker has free; null where there is none that is heard of.</param>
/// <param name="Tasks">How many it runs.</param>
/// <param name="IdleFor">How long it has had nothing to do.</param>
/// <param name="UnheardFor">How long its worker has not been heard of.</param>
/// <param name="WasHeard">Whether its worker may have been heard of before, and may hold leases.</param>
/// <param name="IsCordoned">Whether all nodes had been told to give it no tasks when it was looked at.</param>
/// <param name="IsDrained">Whether its worker takes no more tasks, has none, and is gone.</param>
public sealed record SeenMachine(PoolMachine Machine, MachineState State, ResourceSpec? Free, int Tasks, TimeSpan IdleFor, TimeSpan UnheardFor, bool WasHeard, bool IsCordoned, bool IsDrained);

/// <summary>What is to be done about a pool.</summary>
/// <param name="Wanted">Machines that it would have.</param>
/// <param name="Launch">How many to launch now.</param>
/// <param name="Drain">Machines that are to take no more tasks, each with why.</param>
/// <param name="End">Machines that are to be ended, each with why.</param>
/// <param name="Why">What it cannot do, in sentences.</param>
public sealed record PoolDecision(int Wanted, int Launch, IReadOnlyList<(string Machine, string Why)> Drain, IReadOnlyList<(string Machine, string Why)> End, IReadOnlyList<string> Why);

/// <summary>How many machines a pool has, and which go. What waits is put into what is free, and into machines that come, as vectors: largest first, each where it fits first (first fit decreasing: Johnson 1973, at most 11/9 of the fewest machines, and
/// one). A machine goes only when its worker has said that it has no task and takes none.</summary>
public static class PoolPlan
{
    /// <summary>Of the machines that take tasks, one in so many may drain for its age at a time: a whole pool that was launched at once is not gone at once.</summary>
    private const int OldAtATime = 10;

    public static PoolDecision Of(PoolScene scene)
    {
        var (spec, machines) = (scene.Spec, scene.Machines);
        List<(string, string)> end = [], drain = [];
        foreach (var machine in machines)
        {
            if (WhyEnd(scene, machine) is not { } reason) continue;
            // It may be heard of for the first time right now, and be given tasks: those that nobody may give any are ended.
            if (machine.State == MachineState.Starting && !machine.IsCordoned) drain.Add((machine.Machine.Machine, reason));
            else end.Add((machine.Machine.Machine, reason));
        }
        if (scene.IsDeleted)
            return new PoolDecision(0, 0, [.. drain, .. machines.Where(TakesTasks).Select(machine => (machine.Machine.Machine, $"pool {spec.Name} was deleted"))], end, []);

        List<SeenMachine> up = [.. machines.Where(TakesTasks)], starting = [.. machines.Where(machine => machine.State == MachineState.Starting && WhyEnd(scene, machine) is null)];
        var (rooms, missing, why) = Place(scene, up, starting.Count + scene.Launching);
        var used = up.Where((machine, i) => machine.State == MachineState.Busy || rooms[i].IsUsed).Select(machine => machine.Machine.Machine).ToHashSet();
        var needed = used.Count + rooms.Skip(up.Count).Count(room => room.IsUsed) + missing;
        var wanted = (int)Math.Clamp(needed + spec.Spare, spec.Min, spec.Max);
        var (coming, all) = (starting.Count + scene.Launching, machines.Count + scene.Launching);
        var launch = (int)Math.Clamp(wanted - up.Count - coming, 0, Math.Max(0, spec.Max - all));
        if (needed > spec.Max) why.Add(string.Create(CultureInfo.InvariantCulture, $"{needed} machines would be of use, and the pool has at most {spec.Max}."));
        return new PoolDecision(wanted, launch, [.. drain, .. Drain(scene, up, used, wanted - coming)], end, why);
    }

    private static List<(string, string)> Drain(PoolScene scene, List<SeenMachine> up, HashSet<string> used, int keep)
    {
        var spec = scene.Spec;
        List<(string, string)> drain = [];
        var draining = scene.Machines.Count(machine => machine.State == MachineState.Draining);
        foreach (var machine in up.Where(machine => spec.Lifetime is { } lifetime && scene.Now - machine.Machine.LaunchedAt >= lifetime).OrderBy(machine => machine.Machine.LaunchedAt)
                     .Take(Math.Max(1, (up.Count + draining) / OldAtATime) - draining))
            drain.Add((machine.Machine.Machine, $"it is older than {Seconds(spec.Lifetime!.Value)}, the lifetime of machines of pool {spec.Name}"));
        // What drains for its age is missed, and another is launched: it is none of those that are too many.
        var left = up.Where(machine => drain.TrueForAll(each => each.Item1 != machine.Machine.Machine)).ToList();
        var surplus = left.Count - Math.Max(0, keep);
        foreach (var machine in left.Where(machine => machine.State == MachineState.Idle && !used.Contains(machine.Machine.Machine) && machine.IdleFor >= spec.Idle).OrderByDescending(machine => machine.IdleFor).Take(Math.Max(0, surplus)))
            drain.Add((machine.Machine.Machine, $"pool {spec.Name} has had nothing for it for {Seconds(spec.Idle)}"));
        // The pool was made smaller. Who loses least goes first.
        var over = left.Count - drain.Count(each => left.Exists(machine => machine.Machine.Machine == each.Item1)) - spec.Max;
        foreach (var machine in left.Where(machine => drain.TrueForAll(each => each.Item1 != machine.Machine.Machine)).OrderBy(machine => machine.Tasks).ThenByDescending(machine => machine.Machine.LaunchedAt).Take(Math.Max(0, over)))
            drain.Add((machine.Machine.Machine, string.Create(CultureInfo.InvariantCulture, $"pool {spec.Name} has at most {spec.Max} machines")));
        return drain;
    }

    // Puts what waits into what is free now and into what comes; says how many more machines the rest needs.
    private static (List<Room> Rooms, long Missing, List<string> Why) Place(PoolScene scene, List<SeenMachine> up, int coming)
    {
        var (spec, why) = (scene.Spec, new List<string>());
        List<Room> rooms = [.. up.Select(machine => new Room(machine.Free!)), .. Enumerable.Range(0, coming).Select(_ => new Room(spec.Machine))];
        var missing = 0L;
        foreach (var demand in scene.Demand.Where(demand => spec.Queues.Count == 0 || spec.Queues.Contains(demand.Queue)).OrderByDescending(demand => Share(demand.Resources, spec.Machine)).ThenBy(demand => demand.Namespace, StringComparer.Ordinal).ThenBy(demand => demand.Queue, StringComparer.Ordinal))
        {
            var each = Math.Min(demand.Resources.TimesIn(spec.Machine), MostTasks(spec.Machine));
            var left = demand.Tasks;
            if (each < 1 || (demand.IsGang && (left + each - 1) / each > spec.Max))
            {
                why.Add(each < 1
                    ? $"{Tasks(left)} of queue '{demand.Queue}' need{(left == 1 ? "s" : "")} more than a machine of the pool has."
                    : $"A gang of {left} tasks in queue '{demand.Queue}' needs more than {spec.Max} machines, which the pool has at most.");
                continue;
            }
            foreach (var room in rooms)
            {
                if (left == 0) break;
                left -= room.Take(demand.Resources, left);
            }
            if (left == 0) continue;
            missing += (left + each - 1) / each;
            // What the last of them has left is for smaller ones. Of those beyond the most that there can be, nobody needs to know.
            for (var more = Math.Min((left + each - 1) / each, Math.Max(0, spec.Max - rooms.Count)); more > 0; more--)
            {
                var room = new Room(spec.Machine) { IsMissing = true };
                left -= room.Take(demand.Resources, Math.Min(left, each));
                rooms.Add(room);
            }
        }
        // Those that are missing are counted, and are no machines that come.
        rooms.RemoveAll(room => room.IsMissing);
        return (rooms, missing, why);
    }

    private static string? WhyEnd(PoolScene scene, SeenMachine machine)
    {
        if (machine.Machine.Ending is not null || machine.State == MachineState.Ending) return null;
        if (machine.IsDrained) return "its worker has ended with its last task";
        if (machine.State == MachineState.Starting && !machine.WasHeard)
        {
            if (scene.IsDeleted) return $"pool {scene.Spec.Name} was deleted";
            return machine.UnheardFor >= scene.Spec.RegisterWithin ? $"its worker was not heard of within {Seconds(scene.Spec.RegisterWithin)}" : null;
        }
        var limit = scene.SilentLimit > scene.Spec.RegisterWithin ? scene.SilentLimit : scene.Spec.RegisterWithin;
        return machine.UnheardFor >= limit ? $"its worker has not been heard of for {Seconds(limit)}" : null;
    }

    private static bool TakesTasks(SeenMachine machine) => machine.State is MachineState.Idle or MachineState.Busy && machine.Free is not null;

    // A worker takes no more tasks at a time than it has cores, and those that need none count as a core each.
    private static int MostTasks(ResourceSpec machine) => Math.Max(1, (int)Math.Ceiling(machine.Cpu));

    // The largest part of a machine that it takes of anything.
    private static double Share(ResourceSpec each, ResourceSpec machine) => Math.Max(
        Math.Max(Part(each.Cpu, machine.Cpu), Part(each.MemoryBytes, machine.MemoryBytes)), Math.Max(Part(each.Gpu, machine.Gpu), Part(each.DiskBytes, machine.DiskBytes)));

    private static double Part(double some, double whole) => some <= 0 ? 0 : whole <= 0 ? double.MaxValue : some / whole;

    private static string Seconds(TimeSpan span) => FormattableString.Invariant($"{span.TotalSeconds:0.###} s");

    private static string Tasks(long count) => count == 1 ? "1 task" : string.Create(CultureInfo.InvariantCulture, $"{count} tasks");

    private sealed class Room(ResourceSpec free)
    {
        private ResourceSpec _free = free;

        public bool IsUsed { get; private set; }

        public bool IsMissing { get; init; }

        public long Take(ResourceSpec each, long most)
        {
            var taken = Math.Clamp(Math.Min(each.TimesIn(_free), most), 0, int.MaxValue);
            if (taken == 0) return 0;
            IsUsed = true;
            _free = new ResourceSpec(_free.Cpu - (each.Cpu * taken), _free.MemoryBytes - (each.MemoryBytes * taken), (int)(_free.Gpu - (each.Gpu * taken)), _free.DiskBytes - (each.DiskBytes * taken));
            return taken;
        }
    }
}
