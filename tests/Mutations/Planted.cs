namespace Fanfare.Mutations;

/// <summary>Bugs that a scheduler of this kind could have, and those that this one had: each must be noticed by some seed.</summary>
internal static class Planted
{
    private const string Activation = "Engine/Entities/Activation.cs";
    private const string Polls = "Engine/Dispatch/Dispatcher.Polls.cs";
    private const string Node = "Engine/EngineNode.cs";
    private const string Entity = "Core/Entity.cs";
    private const string Commands = "Core/Steps/StepEntity.Commands.cs";
    private const string Apply = "Core/Steps/StepEntity.Apply.cs";
    private const string Step = "Core/Steps/StepEntity.cs";
    private const string Gangs = "Core/Steps/StepEntity.Gangs.cs";
    private const string Run = "Core/Runs/RunEntity.cs";
    private const string RunApply = "Core/Runs/RunEntity.Apply.cs";
    private const string Join = "Core/Steps/JoinProgress.cs";
    private const string Scheduling = "Engine/EngineNode.Scheduler.cs";
    private const string Flow = "Core/Flows/FlowEntity.cs";
    private const string Schedule = "Core/Schedules/ScheduleEntity.cs";
    private const string Advance = "Core/Schedules/ScheduleEntity.Advance.cs";
    private const string Event = "Core/Triggers/EventEntity.cs";
    private const string Trigger = "Core/Triggers/TriggerEntity.cs";
    private const string Backfill = "Core/Backfills/BackfillEntity.cs";
    private const string Notice = "Core/Notices/NoticeEntity.cs";
    private const string Pool = "Core/Pools/PoolEntity.cs";
    private const string Plan = "Core/Pools/PoolPlan.cs";
    private const string Keeper = "Engine/Pools/PoolKeeper.cs";
    private const string Contexts = "Engine/RunContexts.cs";

    public static IReadOnlyList<Mutation> Common { get; } =
    [
        new("StaleResultIsAdopted", Commands, "out var lease) || lease.Token != finished.Token)", "out var lease))"),
        new("FencedAppendIsTakenForDone", Activation, "else if (outcome == AppendOutcome.Fenced)", "else if (outcome == AppendOutcome.Fenced && leg.Works.Count > 1_000_000)"),
        new("BatchIsAnsweredBeforeItIsDurable", Activation, "        _flights.Add(flight);\n", "        _flights.Add(flight);\n        foreach (var work in _decided) work.Complete();\n"),
        new("WhatFollowsLandsFirst", Activation, "        await flight.OthersDown();\n", ""),
        new("WhatCameDownIsForgotten", Activation, "            _grounded.AddRange(leg.Works);\n", "") { From = 953 },
        new("MessagesLeaveBeforeTheyAreDurable", Activation, "entity.OutboxTo(target, DeliveryMessages, _durableOutbox)", "entity.OutboxTo(target, DeliveryMessages)"),
        new("OutboxIsForgottenInACrash", Activation, "entity.Replay(opened.Events, opened.Acknowledged);", "entity.Replay(opened.Events, long.MaxValue);"),
        new("LastEventIsNotReplayed", Activation, "entity.Replay(opened.Events, opened.Acknowledged);", "entity.Replay(opened.Events.SkipLast(opened.Events.Count > 3 ? 1 : 0), opened.Acknowledged);") { From = 9 },
        new("MessagesAreTakenTwice", Entity, "messages.Where(m => m.Sequence > watermark)", "messages.Where(m => m.Sequence > watermark - 1)"),
        new("NobodyIsWokenAfterACrash", Node, "while (await next is { Count: > 0 } page)", "while (await next is { Count: > 1000000 } page)"),
        new("FailedAppendWakesNobody", Activation, "            node.Start(WakeLaterAsync);\n", "            LastUsed = TimeSpan.MaxValue;\n"),
        new("LegsOfAFlightBecomeDurableOneByOne", Activation, "outcome = await node.Journal.AppendAsync(flight.Appends);", "foreach (var append in flight.Appends) outcome = await node.Journal.AppendAsync([append]);"),
        new("WhatWasRefusedOnTheWayIsAcknowledged", Activation, "            takes = false;\n", "            takes = true;\n") { From = 5020 },
        new("RenewalGivesNoTerm", Commands, "                lease.Deadline = moment.Uptime + _term;\n            else", "                lease.Deadline = lease.Deadline + TimeSpan.Zero;\n            else"),
        new("RestartGivesNoTerm", Step, "lease.Deadline = uptime + _term;", "lease.Deadline = uptime;"),
        new("LeasesFollowTheWallClock", Node, "internal TimeSpan Uptime => Clock.GetElapsedTime(_startedAt);", "internal TimeSpan Uptime => Clock.GetUtcNow() - DateTimeOffset.UnixEpoch;") { From = 3755 },
        new("JoinIsOffByOne", Join, "JoinKind.All => Succeeded.Count >= expected ?", "JoinKind.All => Succeeded.Count >= expected - (expected > 1 ? 1 : 0) ?"),
        new("JoinToleratesOneMore", Join, "JoinKind.Tolerate => Failed.Count > join.Count ?", "JoinKind.Tolerate => Failed.Count > join.Count + 1 ?"),
        new("PermitsAreNotCounted", Step, "(_node.Spec.MaxParallel ?? int.MaxValue) - _leased.Count);", "(_node.Spec.MaxParallel ?? int.MaxValue));"),
        new("GrantOutlivesItsTasks", "Core/Steps/StepEntity.Rows.cs", "if (_leaseBefore?.Grant is { Running: 0 } ended)", "if (_leaseBefore?.Grant is { Running: < 0 } ended)"),
        new("GrantStandsForATaskThatHasARow", Apply, "        if (_budgets.ContainsKey(leased.Split)) return null;\n", ""),
        new("LossCountsAsFailure", Apply, "EndLease(e.Split, e.Attempt, lost: !IsEndedWithGang(e.Split));", "EndLease(e.Split, e.Attempt, failed: true);"),
        new("BackoffIsNotWaitedFor", Commands, "_backoff.Where(b => b.Value <= now)", "_backoff.Where(b => b.Value <= now + TimeSpan.FromSeconds(5))"),
        new("CancelMissesWhatOpens", RunApply, "if (_status is RunStatus.Failing or RunStatus.Cancelling ||", "if ("),
        new("RunEndsWithoutWaiting", Run, "if (_awaited.Count > 0 || _handler is not null) return;", "if (_handler is not null) return;"),
        new("PauseIsAnsweredAtOnce", Run, "_status != RunStatus.Paused || _pausing.Count == 0;", "_status != RunStatus.Paused || _pausing.Count >= 0;"),
        new("CommandThatCameTooEarlyRefusesTheStart", Contexts, "return Find(ns, run) ?? throw", "throw"),
        new("DeploymentIsNotTheLatest", Scheduling, "Learn(command.Namespace, command.Spec.Name, versions);", ""),
        new("DeletedFlowStartsRuns", Scheduling, "Learn(command.Namespace, command.Flow, versions);", ""),
        new("DeletionTakesTheNumbersBack", Flow, "Deleted = Latest;", "Deleted = Latest = 0;"),
        new("GangGoesOnOneByOne", Gangs, "        if (_held.Count < _foreach!.Count) return;\n", ""),
        new("EachOfAGangHasABudget", Gangs, "private TaskBudget Spent(int split) => IsGang\n", "private TaskBudget Spent(int split) => IsGang && split < 0\n"),
        new("WhatWasDoneOfAGangStaysDone", Gangs, "        foreach (var split in TakeHeld())\n", "        foreach (var split in TakeHeld().Take(0))\n"),
        new("RestOfAGangRunsOn", Gangs, "            if (lease.End == LeaseEnd.None) lease.End = LeaseEnd.Gang;\n", "            if (lease.End == LeaseEnd.None && _held.Count > 1_000_000) lease.End = LeaseEnd.Gang;\n"),
        new("GangStartsInParts", Step, "IsGang ? ReadyGang :", ""),
        new("ScheduleForgetsHowFarItIs", Schedule, "        _until = e.Until;\n", "        _until = e.Came.Count > 0 ? e.Came[0].Start : e.Until;\n") { From = 4 },
        new("ScheduleIsAheadOfItsTime", Advance, "is var due && due > now) break;", "is var due && due > now + TimeSpan.FromSeconds(3)) break;") { From = 4 },
        new("ScheduledRunsOverlap", Advance, "Math.Max(0, spec.Parallel - _active.Count)", "Math.Max(1, spec.Parallel - _active.Count)") { From = 4 },
        new("EndOfAScheduledRunIsNotTold", RunApply, "if (Starter is { } starter && _info!.Generation == 0)", "if (Starter is { } starter && _info!.Generation == 1_000_000)") { From = 4 },
        new("BackfillGoesBack", Backfill, "_reached = e.Begun[^1];", "_reached = e.Begun[0];") { From = 4 },
        new("PausedBackfillGoesOn", Backfill, "_plan is not { } plan || _pause is not null ||", "_plan is not { } plan ||") { From = 4 },
        new("WhatHasSucceededIsRunAgain", Backfill, "e.Status is RunStatus.Failed or RunStatus.Cancelled) Begin", "e.Status is not RunStatus.Running) Begin") { From = 4 },
        new("WhoComesSecondIsNotTold", Node, "if (present is { } status && sender.Kind is StreamKind.Schedule or StreamKind.Backfill)", "if (present is { } status && sender.Kind is StreamKind.Event)") { From = 4 },
        new("RunThatIsThereIsTakenForNew", Node, "if (_activations.ContainsKey(run) || Runs.Find(run.Namespace, run.Name) is not null || ", "if (") { From = 4 },
        new("BackfillStartsRunsOfItsOwn", Backfill, "var run = again ? RunIds", "var run = again || interval.End.Second % 2 == 0 ? RunIds") { From = 4 },
        new("QueueOfAScheduleGrows", Advance, "OverlapPolicy.QueueOne => hasMore ? 1 : free + 1,", "OverlapPolicy.QueueOne => hasMore ? 1 : free + 2,") { From = 4 },
        new("PausedScheduleGoesOn", Advance, "if (_spec is not { } spec || _pause is not null) return;", "if (_spec is not { } spec) return;") { From = 4 },
        new("MissedTimesAreForgotten", Advance, "if (isLastMissed) skipped++;", "") { From = 4 },
        new("EventIsPublishedAnew", Event, "if (isNew) Emit(", "Emit(") { From = 2 },
        new("AwaitedEndIsNotAnnounced", Run, "_isAwaited?.Invoke() is true ? true : null", "_isAwaited?.Invoke() is true && _outcome == RunStatus.Failed ? true : null") { From = 2 },
        new("NewLeaderDoesNotKnowWhoIsAwaited", Node, "        await LearnAwaitedAsync();\n        await ScanAsync", "        _lookedUp = _unknown;\n        await ScanAsync") { From = 2 },
        new("TriggerForgetsWhatItTook", Trigger, "if (_taken.Contains(take.Id) ||", "if ((_taken.Count > 1_000_000 && _taken.Contains(take.Id)) ||") { From = 2 },
        new("TriggerKeepsWhatIsUsedUp", Trigger, "            new RunCause(Trigger: name, Events: [.. _had.Values.Select(had => had.Id)])));\n        _had.Clear();\n", "            new RunCause(Trigger: name, Events: [.. _had.Values.Select(had => had.Id)])));\n") { From = 2 },
        new("TriggerPassesOverHowFarApartTheyLie", Trigger, "have.Count == spec.Sources.Count && have", "have.Count == spec.Sources.Count || have") { From = 2 },
        new("WhatMayHaveArrivedCountsAsTold", Notice, "if (answer.Outcome == NoticeOutcome.Told)", "if (answer.Outcome != NoticeOutcome.Refused)") { From = 3 },
        new("NoticeIsLostWithItsTeller", Notice, "DurableDue => Earliest(all: true);", "DurableDue => Earliest(all: false);") { From = 3 },
        new("OneNoticeForAllEndsOfARun", RunApply, "RunIds.OfNotice(Id, _info!.Generation, place, kind)", "RunIds.OfNotice(Id, 0, place, kind)") { From = 3 },
        new("RunIsWatchedForEver", RunApply, "        if (generation == 0)\n            foreach (var (place, _) in NoticePolicy", "        if (generation == 1_000_000)\n            foreach (var (place, _) in NoticePolicy") { From = 3 },
        new("RuleIsPassedOver", "Core/Notices/NoticePolicy.cs", "item.rule.On.Contains(kind)", "item.rule.On[0] == kind") { From = 3 },
        new("OneTimeThatIsLeftOutIsNotToldOf", Schedule, "if (e.Skipped > 0) TellOfSkipped", "if (e.Skipped > 1) TellOfSkipped") { From = 12 },
        new("MachineThatDrainsIsEndedBeforeItHasNothing", Plan, "if (machine.IsDrained) return", "if (machine.IsDrained || machine.State == MachineState.Draining) return") { From = 5 },
        new("MachineThatEndedIsNotForgotten", Pool, "foreach (var machine in e.Machines) _machines.Remove(machine.Machine);\n                break;", "break;") { From = 5 },
        new("MachineOfAnOpenLaunchIsAStray", Pool, "!_machines.ContainsKey(each.Id) && !open.Contains(each.Launch))", "!_machines.ContainsKey(each.Id))") { From = 165 },
        new("NewKeeperTakesMachinesForNeverHeardOf", Keeper, "WasHeard = !_hasLooked }", "WasHeard = false }") { From = 1005 },
        new("HaltedStepOpensOthersThatStart", Apply, "                _paused = e.Run.Halted is true;\n", "                _paused = false;\n"),
    ];

    /// <summary>Bugs that take many thousand seeds to be noticed, since much has to come together. They have tests of their own where they can be
    /// told without the whole.</summary>
    public static IReadOnlyList<Mutation> Rare { get; } =
    [
        new("RunThatNeverStartedTakesCommands", Run, "        if (_started is null) throw new RefusedException(RefusalKind.NotFound", "        if (_started is null && command.Run.Length > 500) throw new RefusedException(RefusalKind.NotFound"),
        new("NewerGenerationIsNotWaitedFor", Commands, "run.Generation > own.Generation)", "run.Generation > own.Generation + 1_000_000)"),
        new("TermRunsFromTheAnswer", Polls, "{ RenewedAt = now, EndReason = ending }", "{ RenewedAt = node.Uptime, EndReason = ending }"),
        new("CancelInTheBatchOfALeaseIsForgotten", Polls, "{ RenewedAt = now, EndReason = ending }", "{ RenewedAt = now }"),
        new("FormerBootPassesForANewOne", "Engine/Dispatch/WorkerSession.cs", "_former.Contains(boot) || BootId.IsBefore(boot, Boot) || BootId.IsBefore(boot, _heardOf)", "_former.Contains(boot)"),
        new("OvertakenPollBringsALeaseBack", Polls, "                else if (!session.IsOvertaken(request))\n", "                else\n"),
        new("ReportOfAnEarlierCancelCounts", RunApply, "if (e.Cancels < _cancels.GetValueOrDefault(e.Step)) break;", "if (e.Cancels < 0) break;"),
        new("MessagesOfAnOlderGenerationCount", Commands, "source != Key && _run!.Resets?.GetValueOrDefault(source.Step) > run.Generation;", "source != Key && _run!.Resets?.GetValueOrDefault(source.Step) > run.Generation + 1_000_000;"),
        new("OnlyTheLastRetryIsRemembered", Apply, "_run = _run!.Retried(e.Generation, e.Reset);", "_run = (_run! with { Resets = null }).Retried(e.Generation, e.Reset);"),
        new("WhatIsDecidedMeanwhileLeavesWithTheAppendBefore", Activation, "_durableOutbox = leg.Outbox;", "_durableOutbox = entity.OutboxSequence;"),
        new("TwoDeliveriesToOneTarget", Activation, "if (_inFlight.Add(target)) node.Start", "_inFlight.Add(target); node.Start"),
    ];
}
