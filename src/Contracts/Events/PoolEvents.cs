namespace Fanfare.Contracts;

/// <summary>A pool was made, or is to be otherwise from now on.</summary>
/// <param name="Version">Counts its specs, from 1, on over deletions.</param>
public sealed record PoolSet(int Version, PoolSpec Spec) : Event;

/// <summary>The pool is no more wanted: its machines end with their last tasks.</summary>
public sealed record PoolDeleted : Event;

/// <summary>Machines are asked for. It is durable before the provider is asked, so that nothing is launched that nobody remembers.</summary>
/// <param name="Request">All of it, as it is repeated until it is settled.</param>
public sealed record LaunchAsked(LaunchRequest Request) : Event;

/// <summary>That is all that comes of a launch.</summary>
/// <param name="Launch">Its name in the pool.</param>
/// <param name="Machines">What it made.</param>
/// <param name="Refusals">What could not be had.</param>
public sealed record LaunchSettled(string Launch, IReadOnlyList<PoolMachine> Machines, IReadOnlyList<LaunchRefusal> Refusals) : Event;

/// <summary>A launch cannot be carried out as it is asked for: it has made nothing, and is not asked for any more.</summary>
/// <param name="Reason">In the provider's words.</param>
public sealed record LaunchFailed(string Launch, string Reason) : Event;

/// <summary>Machines are to end, and are ended.</summary>
/// <param name="Reason">Why, in words for people.</param>
public sealed record MachinesEnding(IReadOnlyList<string> Machines, string Reason) : Event;

/// <summary>Nothing of these machines runs any more.</summary>
public sealed record MachinesEnded(IReadOnlyList<EndedMachine> Machines) : Event;

/// <param name="Reason">Why, in the provider's words; null where it did not say.</param>
public sealed record EndedMachine(string Machine, string? Reason);

/// <summary>All that a pool has come to.</summary>
/// <param name="DeletedAt">When it was deleted; null while it is wanted.</param>
/// <param name="Launched">Launches that it has asked for in its life: the next has the number after these.</param>
/// <param name="Launches">Those that are not settled.</param>
/// <param name="Machines">Those that have not ended.</param>
public sealed record PoolCarried(
    int Version, PoolSpec Spec, PoolSetting Setting, DateTimeOffset? DeletedAt, int Launched, IReadOnlyList<LaunchRequest> Launches, IReadOnlyList<PoolMachine> Machines, PoolTrouble? Trouble) : CarriedEvent;

/// <summary>A machine that a pool has launched and that has not ended.</summary>
/// <param name="Machine">Its id, which is its worker's name.</param>
/// <param name="Type">As the provider names it.</param>
/// <param name="Zone">Empty where it has none, or none was known when it was launched.</param>
/// <param name="Launch">Name of the launch that made it.</param>
/// <param name="Ending">Why it was asked to end; null until it is.</param>
public sealed record PoolMachine(string Machine, string Type, string Zone, CapacityKind Capacity, string Launch, DateTimeOffset LaunchedAt, string? Ending = null);

/// <summary>Who gave a pool its present spec, and when.</summary>
public sealed record PoolSetting(string Actor, DateTimeOffset At);

/// <summary>What went wrong with a pool's last launch.</summary>
public sealed record PoolTrouble(DateTimeOffset At, string Reason);
