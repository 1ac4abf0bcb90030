using System.Globalization;
using System.Runtime.InteropServices;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>Looks after one pool: asks its provider and all nodes how things are, has the plan decide, and does it. What has to outlive the node is the entity's; what is here is seen anew by the next keeper.</summary>
internal sealed class PoolKeeper(EngineNode node, StreamId id, ProviderLists lists)
{
    /// <summary>How often it looks.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromSeconds(1);

    /// <summary>How often a provider is asked what there is, which costs it something.</summary>
    private static readonly TimeSpan _listEvery = TimeSpan.FromSeconds(5);

    /// <summary>After how long a launch that is not settled, an end or a cordon is asked for again.</summary>
    private static readonly TimeSpan _repeatAfter = TimeSpan.FromSeconds(5);

    /// <summary>How long after a launch that did not give all that was asked for the next one follows; twice as long after each further one.</summary>
    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(5), _longestPause = TimeSpan.FromMinutes(1);

    /// <summary>How long a worker that drains and has nothing is not heard of until it is known to have ended: as long as it has something to tell, it goes on polling.</summary>
    private static readonly TimeSpan _drainedAfter = TimeSpan.FromSeconds(10);

    /// <summary>A machine that is not listed for so long is gone: lists of clouds lag.</summary>
    private static readonly TimeSpan _listedWithin = TimeSpan.FromMinutes(10);

    /// <summary>A worker that has not polled for so long is silent: polls wait for half a minute at most.</summary>
    private static readonly TimeSpan _silentAfter = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, Seen> _seen = [];
    private readonly HashSet<string> _launching = [];
    private readonly Dictionary<string, TimeSpan> _again = [];
    private readonly TaskCompletionSource _looked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TimeSpan _pause = _firstPause, _launchFrom, _listFrom;
    private (PoolDecision Decision, IReadOnlyList<SeenMachine> Machines, IReadOnlyList<LaunchRequest> Launches, PoolTrouble? Trouble)? _last;
    private PoolSpec? _spec;
    private string? _said, _waits;
    private bool _hasLooked;

    /// <summary>Returns when the pool is another node's, or nothing of it is left.</summary>
    public async Task RunAsync()
    {
        while (!node.Stopping.IsCancellationRequested && node.Owns(id))
        {
            try
            {
                if (!await LookAsync()) break;
                _said = null;
            }
            catch (Exception exception) when (!node.Stopping.IsCancellationRequested)
            {
                // A provider or another server that is away for a moment: what was seen before stands, and nothing is done on it.
                if (exception is not RefusedException { Kind: RefusalKind.Busy } && _said != exception.Message) node.Warn($"{id} could not be looked after, and is again: {Words(exception)}", id);
                _said = exception.Message;
            }
            _looked.TrySetResult();
            await node.DelayAsync(_lookEvery).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
        _looked.TrySetResult();
    }

    public async Task<PoolInfo> TellAsync(PoolStanding standing)
    {
        await _looked.Task;
        if (_last is not var (decision, machines, launches, trouble)) return new PoolInfo(standing.Spec, standing.Version, standing.Setting, standing.DeletedAt, 0, [], [_said ?? "It has not been looked after yet."]);
        List<MachineInfo> infos = [.. machines.OrderBy(machine => machine.Machine.LaunchedAt).ThenBy(machine => machine.Machine.Machine, StringComparer.Ordinal).Select(machine => new MachineInfo(
            machine.Machine.Machine, machine.State, machine.Machine.Type, machine.Machine.Zone, machine.Machine.Capacity, machine.Machine.LaunchedAt, machine.Tasks, machine.Machine.Ending ?? _seen.GetValueOrDefault(machine.Machine.Machine)?.Cordon))];
        foreach (var launch in launches) infos.AddRange(Enumerable.Repeat(new MachineInfo(launch.Id, MachineState.Starting, "", "", launch.Offerings[0].Capacity, launch.AskedAt, 0, null), launch.Count));
        List<string> why = [.. decision.Why];
        if (_waits is { } waits) why.Add(waits);
        if (trouble is not null) why.Add($"The last launch ({trouble.At:O}) did not give all that was asked for: {trouble.Reason}");
        if (_said is { } said) why.Add($"It could not be looked after the last time: {said}");
        return new PoolInfo(standing.Spec, standing.Version, standing.Setting, standing.DeletedAt, decision.Wanted, infos, why);
    }

    /// <summary>What the pool does for tasks of a queue that wait; null when it does nothing for them.</summary>
    public string? For(string queue, ResourceSpec needs)
    {
        if (_last is not var (decision, machines, launches, _) || _spec is not { } spec || (spec.Queues.Count > 0 && !spec.Queues.Contains(queue))) return null;
        if (!needs.FitsIn(spec.Machine)) return $"A machine of pool '{spec.Name}' is too small for it.";
        var (coming, all) = (launches.Sum(launch => launch.Count) + machines.Count(machine => machine.State == MachineState.Starting), launches.Sum(launch => launch.Count) + machines.Count);
        return string.Create(CultureInfo.InvariantCulture, $"Pool '{spec.Name}' has {all} of at most {spec.Max} machines, {coming} of them starting; {decision.Wanted} are wanted.{(_waits is { } waits ? " " + waits : "")}");
    }

    private async Task<bool> LookAsync()
    {
        var pool = await AskAsync(static (PoolEntity entity, in Moment _) => new Look(entity.IsActive, entity.Spec, entity.IsDeleted, [.. entity.Machines], [.. entity.Launches], entity.Trouble));
        if (!pool.IsActive) return false;
        var spec = pool.Spec!;
        var provider = node.Options.ProviderOf?.Invoke(spec.Provider) ?? throw EngineNode.MakesNone(spec.Provider);
        foreach (var launch in pool.Launches) Launch(provider, launch);
        var (listing, workers, demand) = (lists.OfAsync(node, provider, Max(node.Uptime - _listEvery, _listFrom)), node.Whole.ListWorkersAsync(node.Stopping), node.Whole.ListDemandAsync(node.Stopping));
        await Task.WhenAll(listing, workers, demand);
        if (await SettleEndsAsync(pool, await listing)) pool = pool with { Machines = await AskAsync(static (PoolEntity entity, in Moment _) => entity.Machines.ToList()) };
        await SweepAsync(provider, spec, pool, await listing);

        var machines = See(pool, await workers, await listing);
        var decision = PoolPlan.Of(new PoolScene(spec, pool.IsDeleted, machines, pool.Launches.Sum(launch => launch.Count), await demand, node.Now, node.Options.LeaseTerm + node.Options.LeaseMargin));
        (_last, _spec) = ((decision, machines, pool.Launches, pool.Trouble), pool.IsDeleted ? null : spec);
        await DoAsync(provider, spec, decision, pool);
        return true;
    }

    private async Task DoAsync(IInstanceProvider provider, PoolSpec spec, PoolDecision decision, Look pool)
    {
        foreach (var (machine, why) in decision.Drain) _seen[machine].Cordon = why;
        // Told until it says so itself: word of it may be lost, and the node that heard it may be gone.
        foreach (var same in _seen.Where(seen => seen.Value is { Cordon: not null, Drains: false }).GroupBy(seen => seen.Value.Cordon!, seen => seen.Key))
        {
            List<string> workers = [.. same.Where(machine => IsTime($"cordon {machine}"))];
            if (workers.Count == 0) continue;
            await node.Whole.CordonAsync(workers, same.Key, node.Stopping);
            foreach (var worker in workers) _seen[worker].IsCordoned = true;
        }
        foreach (var same in decision.End.GroupBy(each => each.Why))
            await AskAsync((PoolEntity entity, in Moment moment) => entity.End(same.Select(each => each.Machine), same.Key, moment));
        List<string> ending = [.. pool.Machines.Where(machine => machine.Ending is not null).Select(machine => machine.Machine).Concat(decision.End.Select(each => each.Machine)).Where(machine => IsTime($"end {machine}"))];
        if (ending.Count > 0)
        {
            _listFrom = node.Uptime;
            await provider.TerminateAsync(ending, node.Stopping);
        }
        _waits = null;
        if (decision.Launch <= 0) return;
        if (node.Uptime < _launchFrom)
        {
            _waits = "The next launch waits for a moment, since the one before did not give all that was asked for.";
            return;
        }
        var plan = provider.Plan(RequestOf(spec, Math.Min(decision.Launch, LaunchRequest.MostInstances)));
        if (plan.Request is not { } request)
        {
            _waits = $"Nothing that it may be made of is to be had before {plan.Until:O}: {string.Join(", ", plan.LeftOut.Select(each => each.Reason).Distinct())}.";
            return;
        }
        if (await AskAsync((PoolEntity entity, in Moment moment) => entity.Launch(request, moment)) is { } asked) Launch(provider, asked);
    }

    // The entity gives it its name and time.
    private LaunchRequest RequestOf(PoolSpec spec, int count)
    {
        var labels = new Dictionary<string, string>(spec.Ec2?.Tags ?? new Dictionary<string, string>());
        if (spec.Queues.Count > 0) labels["queues"] = string.Join(',', spec.Queues);
        return new LaunchRequest
        {
            Cluster = node.Options.Cluster,
            Pool = spec.Name,
            Id = "",
            AskedAt = node.Now,
            Count = count,
            Offerings = spec.Ec2 is { } ec2
                ? Offering.Mix(ec2.Choices, ec2.Needs, count, ec2.SpotPercent, ec2.OnDemandFallback, ec2.MaxPrice)
                : [new Offering(CapacityKind.OnDemand) { Choices = [new MachineChoice("")], Needs = NeedsOf(spec.Machine) }],
            Template = spec.Ec2?.Template ?? "",
            Labels = labels,
        };
    }

    private static MachineNeeds NeedsOf(ResourceSpec machine) => new()
    {
        VCpus = Math.Max(1, (int)Math.Ceiling(machine.Cpu)),
        MemoryMiB = Math.Max(1, machine.MemoryBytes >> 20),
        // They are processes of this machine.
        Architecture = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "x86_64",
        Gpus = machine.Gpu,
    };

    // Sends a launch, unless it is on its way. Nobody waits for it: a fleet takes its time.
    private void Launch(IInstanceProvider provider, LaunchRequest request)
    {
        if (_launching.Contains(request.Id) || !IsTime($"launch {request.Id}")) return;
        _launching.Add(request.Id);
        node.Start(async () =>
        {
            try
            {
                await LaunchAsync(provider, request);
            }
            catch (Exception exception) when (!node.Stopping.IsCancellationRequested)
            {
                // Asked again, by this node or the one that has the pool then.
                if (exception is not RefusedException { Kind: RefusalKind.Busy }) node.Warn($"{id} could not launch {request.Id}, and asks again: {Words(exception)}", id);
            }
            finally
            {
                _launching.Remove(request.Id);
                _listFrom = node.Uptime;
            }
        });
    }

    private async Task LaunchAsync(IInstanceProvider provider, LaunchRequest request)
    {
        LaunchAnswer answer;
        try
        {
            answer = await provider.LaunchAsync(request, node.Stopping);
        }
        catch (InstanceProviderException refused) when (!refused.IsPassing)
        {
            Pause();
            await AskAsync((PoolEntity entity, in Moment moment) =>
            {
                entity.Fail(request.Id, refused.Message, moment);
                return true;
            });
            return;
        }
        if (!answer.IsSettled) return;
        if (answer.Refusals.Count > 0 && answer.Instances.Count < request.Count) Pause();
        else (_pause, _launchFrom) = (_firstPause, TimeSpan.Zero);
        await AskAsync((PoolEntity entity, in Moment moment) =>
        {
            entity.Settle(request.Id, answer, moment);
            return true;
        });
    }

    private void Pause()
    {
        _launchFrom = node.Uptime + _pause;
        _pause = _pause + _pause < _longestPause ? _pause + _pause : _longestPause;
    }

    // What the provider says has ended is not the pool's any more.
    private async Task<bool> SettleEndsAsync(Look pool, IReadOnlyList<Instance> listed)
    {
        var byId = listed.ToDictionary(instance => instance.Id);
        List<EndedMachine> ended = [];
        foreach (var machine in pool.Machines)
        {
            var isListed = byId.TryGetValue(machine.Machine, out var instance);
            var seen = SeenOf(machine.Machine);
            seen.MissingSince = isListed ? null : seen.MissingSince ?? node.Uptime;
            if (isListed ? instance!.State == InstanceState.Ended : node.Uptime - seen.MissingSince >= _listedWithin)
                ended.Add(new EndedMachine(machine.Machine, instance is null ? "the provider does not know it any more" : instance.Ended));
        }
        if (ended.Count == 0) return false;
        // Before they are forgotten. That a list does not have one is no proof that it does not run.
        List<EndedMachine> proven = [.. ended.Where(machine => byId.ContainsKey(machine.Machine))];
        if (proven.Count > 0) await node.Whole.LoseAsync(proven, node.Stopping);
        await AskAsync((PoolEntity entity, in Moment moment) =>
        {
            entity.Ended(ended, moment);
            return true;
        });
        foreach (var machine in ended)
        {
            _seen.Remove(machine.Machine);
            _again.Remove($"cordon {machine.Machine}");
            _again.Remove($"end {machine.Machine}");
        }
        return true;
    }

    // The list may be older than a launch that has been settled since, so the entity has the word.
    private async Task SweepAsync(IInstanceProvider provider, PoolSpec spec, Look pool, IReadOnlyList<Instance> listed)
    {
        var known = pool.Machines.Select(machine => machine.Machine).ToHashSet();
        List<Instance> unknown = [.. listed.Where(instance => instance.Pool == spec.Name && instance.State is not (InstanceState.Ending or InstanceState.Ended) && !known.Contains(instance.Id) && !IsSoon($"end {instance.Id}"))];
        if (unknown.Count == 0) return;
        var strays = await AskAsync((PoolEntity entity, in Moment moment) => entity.Sweep(unknown, moment));
        if (strays.Count == 0) return;
        foreach (var stray in strays) _ = IsTime($"end {stray}");
        node.Warn($"{id}: machines carry its name and are of no launch of it, and are ended: {string.Join(", ", strays)}.", id);
        await provider.TerminateAsync(strays, node.Stopping);
    }

    // By monotonic time: wall clocks are set, and nobody is to be ended for that.
    private List<SeenMachine> See(Look pool, IReadOnlyList<WorkerInfo> workers, IReadOnlyList<Instance> listed)
    {
        var (byName, ending) = (workers.ToDictionary(worker => worker.Worker), listed.Where(instance => instance.State == InstanceState.Ending).Select(instance => instance.Id).ToHashSet());
        List<SeenMachine> machines = [.. pool.Machines.Select(machine =>
        {
            var (seen, worker) = (SeenOf(machine.Machine), byName.GetValueOrDefault(machine.Machine));
            seen.Drains = worker?.Draining is not null;
            if (worker is not null && worker.LastSeen != seen.LastSeen) (seen.LastSeen, seen.HeardAt, seen.WasHeard) = (worker.LastSeen, node.Uptime, true);
            var unheard = node.Uptime - seen.HeardAt;
            var state = StateOf(machine, worker, seen, unheard, ending.Contains(machine.Machine));
            seen.IdleSince = state == MachineState.Idle ? seen.IdleSince ?? node.Uptime : null;
            return new SeenMachine(
                machine, state, worker?.Free, worker?.Leases ?? 0, seen.IdleSince is { } since ? node.Uptime - since : TimeSpan.Zero, unheard, seen.WasHeard, seen.IsCordoned,
                worker is { Draining: not null } && worker.Free == worker.Capacity && unheard >= _drainedAfter);
        })];
        _hasLooked = true;
        return machines;
    }

    // One that was there when this keeper began may have been heard of by the one before, and hold leases.
    private Seen SeenOf(string machine)
    {
        if (!_seen.TryGetValue(machine, out var seen)) _seen[machine] = seen = new Seen { HeardAt = node.Uptime, WasHeard = !_hasLooked };
        return seen;
    }

    private static MachineState StateOf(PoolMachine machine, WorkerInfo? worker, Seen seen, TimeSpan unheard, bool isEnding)
    {
        if (machine.Ending is not null || isEnding) return MachineState.Ending;
        if (worker is null && seen.LastSeen is null) return MachineState.Starting;
        if (worker?.Draining is not null || (worker is not null && seen.Cordon is not null)) return MachineState.Draining;
        if (worker is null || unheard >= _silentAfter) return MachineState.Silent;
        return worker.Leases == 0 && worker.Free == worker.Capacity ? MachineState.Idle : MachineState.Busy;
    }

    private bool IsSoon(string what) => _again.TryGetValue(what, out var at) && node.Uptime < at;

    // Whether it is time to ask for something, for the first time or again.
    private bool IsTime(string what)
    {
        if (IsSoon(what)) return false;
        _again[what] = node.Uptime + _repeatAfter;
        return true;
    }

    // Where this is what is wrong, it is to be found.
    private static string Words(Exception exception) =>
        exception is NullReferenceException or ArgumentException or InvalidOperationException or KeyNotFoundException or InvalidCastException or NotSupportedException ? exception.ToString() : exception.Message;

    private Task<T> AskAsync<T>(Decision<PoolEntity, T> decide) => node.Activate(id).Ask("system", decide);

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private sealed record Look(bool IsActive, PoolSpec? Spec, bool IsDeleted, IReadOnlyList<PoolMachine> Machines, IReadOnlyList<LaunchRequest> Launches, PoolTrouble? Trouble);

    // What is known of a machine's worker beyond its last word.
    private sealed class Seen
    {
        /// <summary>When its worker was heard of last, or the machine first seen, by this node's uptime.</summary>
        public TimeSpan HeardAt { get; set; }

        /// <summary>When its worker spoke last, by the clock of whom it spoke to; null when this keeper has not heard of it.</summary>
        public DateTimeOffset? LastSeen { get; set; }

        /// <summary>Whether its worker has been heard of, or may have been.</summary>
        public bool WasHeard { get; set; }

        /// <summary>Since when the provider does not list it; null while it does.</summary>
        public TimeSpan? MissingSince { get; set; }

        public TimeSpan? IdleSince { get; set; }

        /// <summary>Why it is to take no more tasks, as this keeper decided; null while it may.</summary>
        public string? Cordon { get; set; }

        /// <summary>Whether all nodes have been told so.</summary>
        public bool IsCordoned { get; set; }

        /// <summary>Whether its worker has said that it takes none.</summary>
        public bool Drains { get; set; }
    }
}
