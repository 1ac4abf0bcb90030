using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A lease just granted, with what the engine needs to assemble what travels to the worker.</summary>
/// <param name="Failures">Attempts before that failed by the user's doing.</param>
/// <param name="WasLost">Whether the platform lost the attempt right before.</param>
/// <param name="Gang">Set when the task is one of a gang.</param>
public sealed record Grant(TaskRef Task, int Attempt, string Token, TaskInputs Inputs, int Failures, bool WasLost, GangGrant? Gang = null);

/// <param name="Size">How many tasks the gang has.</param>
/// <param name="FirstWorker">Who runs its first task, by which the others find each other.</param>
public sealed record GangGrant(int Size, string FirstWorker);

/// <summary>Room for some tasks of a gang.</summary>
public readonly record struct GangPlace(string Worker, string Boot, int Count);

/// <summary>Where a task's inputs come from.</summary>
/// <param name="Sources">Predecessors' tasks; for a join its members, from each source.</param>
/// <param name="OutputBytes">Bytes of output these sources put out, together and at the most.</param>
/// <param name="Item">Where the task's item is; null outside any foreach.</param>
/// <param name="FromOpener">The predecessor is the foreach's opener, whose list is not passed on with every item.</param>
public sealed record TaskInputs(IReadOnlyList<InputSource> Sources, long OutputBytes, ItemSource? Item, bool FromOpener = false);

public sealed record InputSource(StepKey Step, SplitRanges Splits);

/// <param name="Opener">The step whose foreach it is.</param>
/// <param name="OpenerSplit">The opener's task.</param>
/// <param name="Generation">The run's: after a retry the opener may have put out another list.</param>
public sealed record ItemSource(StepKey Opener, int OpenerSplit, ForeachItems Items, int Index, int Generation);

/// <summary>What a step tells its queue: how many tasks it could start now.</summary>
/// <param name="Ready">0 withdraws the offer.</param>
/// <param name="IsGang">All of them are to be taken at once.</param>
/// <param name="IsReturned">The next of them was at its turn before: the platform lost it.</param>
public sealed record Offer(StreamId Step, string Queue, int Priority, ResourceSpec Resources, int Ready, int Running, bool IsGang = false, bool IsReturned = false);

/// <summary>An effect of a step on the outside, carried out only after its events are durable.</summary>
public abstract record Effect;

/// <summary>The worker is to end an attempt.</summary>
/// <param name="Void">The lease is no longer the worker's.</param>
public sealed record EndLease(string Worker, string Boot, HeldLease Lease, string Reason, bool Void) : Effect;

/// <summary>The dispatcher is to know of a lease that it did not grant itself, after an activation.</summary>
public sealed record HoldLease(string Worker, string Boot, HeldLease Lease) : Effect;
