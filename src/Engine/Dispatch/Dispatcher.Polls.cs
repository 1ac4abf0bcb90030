using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

internal sealed partial class Dispatcher
{
    /// <summary>One round of the worker protocol: settle what ended, renew what is held, hand out what fits, and wait when there is
    /// nothing to say. Asking again with the same words is answered the same way.</summary>
    public async Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken)
    {
        var session = SessionOf(request.Worker);
        // A poll that a former boot sent and that was long on its way proves nothing about the present one.
        if (session.IsFormer(request.Boot)) return AnswerToFormer(request);
        if (session.Boot != request.Boot) session.Begin(request.Boot);
        foreach (var boot in session.Leases.Values.Select(l => l.Boot).Where(b => b != request.Boot).Distinct().ToList()) Lose(session, boot);
        session.Hear(request, node.Now);
        // The newer poll takes the older one's place; one that was overtaken on its way brings news, and gets no work.
        var latest = request.Sequence > session.Sequence;
        if (latest)
        {
            session.Sequence = request.Sequence;
            LetGo(session);
        }

        // What a step settles and what is leased to the same poll, of it or of the next step, is decided together: it costs one append.
        var settling = SettleAsync(session, request);
        List<CancelLease> voided = [];
        List<Lease> leases = [];
        try
        {
            voided.AddRange(await RenewAsync(session, request));
            leases.AddRange(await UnlistedAsync(session, request));
            leases.AddRange(await LeaseAsync(session, request.Boot, PickFor(session, request, latest)));
            if (leases.Count == 0 && voided.Count == 0 && latest) leases.AddRange(await LeaseAsync(session, request.Boot, await ParkAsync(session, request, settling, cancellationToken)));
        }
        finally
        {
            await settling;
        }
        // What was settled may have made work for a poll that does not wait.
        if (leases.Count == 0) leases.AddRange(await LeaseAsync(session, request.Boot, PickFor(session, request, latest)));

        session.LastSeen = node.Now;
        return new PollResponse
        {
            Leases = leases,
            Cancel = [.. voided, .. Endings(session, request)],
            Settled = await settling,
            TermMs = (int)node.Options.LeaseTerm.TotalMilliseconds,
            Drain = session.IsToDrain ? session.Cordon : null,
            HasMore = node.Options.IsOneOfSeveral && (_queues.Values.Any(queue => queue.Count > 0) || _gangs.Count > 0) ? true : null,
        };
    }

    private List<Pick> PickFor(WorkerSession session, PollRequest request, bool latest)
    {
        if (!latest || _released || session.IsOvertaken(request)) return [];
        var (free, most) = Room(session, request);
        return PickFor(session, free, most);
    }

    // Waits for work until the poll's time is over, or what it reports cannot be settled.
    private async Task<List<Pick>> ParkAsync(WorkerSession session, PollRequest request, Task settling, CancellationToken cancellationToken)
    {
        // Another may have taken its place meanwhile, and a new boot counts its polls from one again.
        if (_released || session.IsToDrain || settling.IsFaulted || session.IsOvertaken(request) || HasEndingNews(session, request)) return [];
        var (free, most) = Room(session, request);
        var waitMs = Math.Max(request.WaitMs, GatherMsOf(session, free));
        if (waitMs <= 0) return [];
        var parked = new ParkedPoll(session, free, most);
        node.OnFailure(settling, () => LetGo(parked));
        return await ParkAsync(parked, waitMs, cancellationToken);
    }

    private PollResponse AnswerToFormer(PollRequest request) => new()
    {
        Cancel = [.. request.Held.Select(h => new CancelLease(h.Token, "the worker was started anew since", Void: true))],
        TermMs = (int)node.Options.LeaseTerm.TotalMilliseconds,
    };

    private async Task<List<Pick>> ParkAsync(ParkedPoll parked, int waitMs, CancellationToken cancellationToken)
    {
        parked.Session.Parked = parked;
        _parked.AddLast(parked.Place);
        if (_gangs.Count > 0)
        {
            PlaceGangs();
            if (_gangs.Count > 0) node.Unserved?.Invoke();
        }
        using var timer = node.Clock.CreateTimer(_ => node.Start(() => LetGo(parked)), null, TimeSpan.FromMilliseconds(waitMs), Timeout.InfiniteTimeSpan);
        await using var registration = cancellationToken.Register(() => node.Start(() => LetGo(parked)));
        var picks = await parked.Released;
        // When nobody reads the answer any more, what was leased already goes out with the worker's next poll.
        return cancellationToken.IsCancellationRequested ? WithoutUnasked(picks) : [.. picks];
    }

    // The steps offer again what was picked and not asked for.
    private List<Pick> WithoutUnasked(IReadOnlyList<Pick> picks)
    {
        foreach (var pick in picks)
            if (pick.Grants is null) node.Wake(pick.Step);
        return [.. picks.Where(p => p.Grants is not null)];
    }

    // What the worker says is free, less what was granted to it and it cannot know of yet.
    private static (ResourceSpec Free, int Most) Room(WorkerSession session, PollRequest request)
    {
        var (free, most) = (request.Free, request.MaxLeases);
        if (session.Leases.Count == 0) return (free, most);
        foreach (var lease in session.Leases.Values)
        {
            if (lease.NamedIn == request.Sequence) continue;
            free = free.Minus(lease.Resources);
            most--;
        }
        return (free, Math.Max(0, most));
    }

    private Task LetGo(ParkedPoll parked)
    {
        if (ReferenceEquals(parked.Session.Parked, parked)) Unpark(parked, []);
        return Task.CompletedTask;
    }

    private async Task<IReadOnlyList<string>> SettleAsync(WorkerSession session, PollRequest request)
    {
        if (request.Finished.Count == 0) return [];
        foreach (var finished in request.Finished)
            if (session.Leases.TryGetValue(finished.Token, out var lease)) lease.Name(request);
        var steps = request.Finished.GroupBy(f => f.Task.Stream).Select(group => (Finished: group.ToList(), Done: node.Activate(group.Key)
            .Ask<StepEntity, bool>("worker:" + request.Worker, (StepEntity step, in Moment moment) =>
            {
                foreach (var finished in group) step.Finish(finished, request.Worker, moment);
                return true;
            }))).ToList();
        var settled = new List<string>(request.Finished.Count);
        foreach (var (finished, done) in steps)
        {
            try
            {
                await done;
            }
            catch (RefusedException refused) when (refused.Kind is RefusalKind.NotFound or RefusalKind.Gone)
            {
                // The run is not there (any more): nobody waits for this result.
            }
            foreach (var attempt in finished)
            {
                session.Leases.Remove(attempt.Token);
                settled.Add(attempt.Token);
            }
        }
        return settled;
    }

    /// <summary>How long a renewal may be kept from the step, which spares it one command a poll. A worker counts its term from its
    /// latest poll, so the step waits this much longer.</summary>
    public static TimeSpan RenewEvery(TimeSpan term) => term / 4;

    private bool IsFresh(SessionLease lease, TimeSpan uptime) => uptime - lease.RenewedAt < RenewEvery(node.Options.LeaseTerm);

    // Asks the steps about leases that this node does not know, too.
    private async Task<IReadOnlyList<CancelLease>> RenewAsync(WorkerSession session, PollRequest request)
    {
        var now = node.Uptime;
        List<HeldLease>? due = null;
        foreach (var held in request.Held)
        {
            if (session.Leases.TryGetValue(held.Token, out var lease))
            {
                lease.Name(request);
                if (IsFresh(lease, now)) continue;
            }
            (due ??= []).Add(held);
        }
        if (due is null) return [];
        var cancel = new List<CancelLease>();
        var asked = due.GroupBy(h => h.Task.Stream).Select(group => group.ToList()).Select(held => (Held: held, Unknown: RenewAsync(request, held))).ToList();
        foreach (var (held, renewing) in asked)
        {
            IReadOnlyList<HeldLease> unknown;
            try
            {
                unknown = await renewing;
            }
            catch (RefusedException refused) when (refused.Kind is RefusalKind.NotFound or RefusalKind.Gone)
            {
                unknown = held;
            }
            foreach (var item in held)
            {
                if (unknown.Contains(item))
                {
                    session.Leases.Remove(item.Token);
                    cancel.Add(new CancelLease(item.Token, "the lease is no longer this worker's", Void: true));
                }
                else if (session.Leases.TryGetValue(item.Token, out var lease))
                {
                    lease.RenewedAt = now;
                }
                else if (!session.IsOvertaken(request))
                {
                    // A newer poll may have settled it while the step was asked; if it still holds it, it says so itself.
                    var known = new SessionLease(item, request.Boot, Nothing) { RenewedAt = now };
                    known.Name(request);
                    session.Leases[item.Token] = known;
                }
            }
        }
        return cancel;
    }

    // Leases that were handed out and that the worker has never named: the reply was lost, or is still on its way.
    private async Task<List<Lease>> UnlistedAsync(WorkerSession session, PollRequest request)
    {
        var leases = new List<Lease>();
        if (session.Leases.Count == request.Held.Count) return leases;
        foreach (var lease in session.Leases.Values.Where(l => l.NamedIn == 0 && l.Boot == request.Boot).ToList())
        {
            if (!node.Owns(lease.Held.Task.Stream))
            {
                // Granted in the moment in which the step went to another node, which sends it again.
                session.Leases.Remove(lease.Held.Token);
                continue;
            }
            // Handed out again, it lasts from now in the worker's eyes, so in the step's too.
            var asked = node.Uptime;
            if (!IsFresh(lease, asked))
            {
                if ((await RenewAsync(request, [lease.Held])).Count > 0)
                {
                    session.Leases.Remove(lease.Held.Token);
                    continue;
                }
                lease.RenewedAt = asked;
            }
            if (lease.Sent is null)
            {
                var grant = await node.Activate(lease.Held.Task.Stream).Ask<StepEntity, Grant?>("system", (StepEntity step, in Moment moment) => step.GrantOf(lease.Held));
                if (grant is null) session.Leases.Remove(lease.Held.Token);
                else lease.Sent = await AssembleAsync(session, grant);
            }
            if (lease.Sent is not null) leases.Add(lease.Sent);
        }
        return leases;
    }

    // Leases of one step; returns those that are not this worker's.
    private Task<IReadOnlyList<HeldLease>> RenewAsync(PollRequest request, List<HeldLease> held) =>
        node.Activate(held[0].Task.Stream).Ask<StepEntity, IReadOnlyList<HeldLease>>("worker:" + request.Worker,
            (StepEntity step, in Moment moment) => step.Renew(request.Worker, request.Boot, held, moment));

    // Null when it cannot be had now: the worker's next poll will not list it, and it is tried again then.
    private async ValueTask<Lease?> AssembleAsync(WorkerSession session, Grant grant)
    {
        // After a change of owners it is known again when that worker has polled.
        if (grant.Gang is { } part && AddressOf(part) is null) return null;
        try
        {
            return await assembly.AssembleAsync(grant, grant.Gang is { } gang ? new LeaseGang(gang.Size, AddressOf(gang)!) : null, node.Stopping);
        }
        catch (MissingInputException missing)
        {
            node.Warn($"split {grant.Task.Split} of {grant.Task.Stream} cannot start: {missing.Message}", grant.Task.Stream);
            await node.Activate(grant.Task.Stream).Ask<StepEntity, bool>("system", (StepEntity step, in Moment moment) =>
            {
                step.Finish(FailedFor(grant, missing), session.Worker, moment);
                return true;
            });
            session.Leases.Remove(grant.Token);
            return null;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            node.Warn($"the lease of {grant.Task.Stream} split {grant.Task.Split} could not be assembled: {exception.Message}", grant.Task.Stream);
            return null;
        }
    }

    private static FinishedAttempt FailedFor(Grant grant, MissingInputException missing) => new()
    {
        Task = grant.Task,
        Token = grant.Token,
        Outcome = AttemptOutcome.Failed,
        Error = new TaskError("input_missing", missing.Message),
    };

    private List<CancelLease> Endings(WorkerSession session, PollRequest request)
    {
        var endings = new List<CancelLease>();
        foreach (var (token, lease) in session.Leases)
        {
            if (lease.EndReason is not { } reason || lease.Boot != request.Boot) continue;
            lease.EndSentAt = node.Uptime;
            endings.Add(new CancelLease(token, reason, Void: false));
        }
        return endings;
    }

    // Told at once, then again with every answer; but an ending that takes its time must not turn a long poll into a spin. What has ended needs no telling.
    private bool HasEndingNews(WorkerSession session, PollRequest request) => session.Leases.Values.Any(lease =>
        lease.EndReason is not null && (lease.EndSentAt is not { } sent || node.Uptime - sent >= EndRepeat) && request.Finished.All(f => f.Token != lease.Held.Token));

    private Task<IReadOnlyList<Grant>> AskAsync(WorkerSession session, string boot, StreamId step, int count)
    {
        var work = Leasing(session, boot, count);
        node.Activate(step).Enqueue(work);
        return work.Done;
    }

    private static Work<StepEntity, IReadOnlyList<Grant>> Leasing(WorkerSession session, string boot, int count) =>
        new("worker:" + session.Worker, (StepEntity step, in Moment moment) => step.Lease(session.Worker, boot, count, moment));

    private async Task<List<Lease>> LeaseAsync(WorkerSession session, string boot, List<Pick> picks)
    {
        if (session.Boot != boot) picks = WithoutUnasked(picks);
        // Picked, and given to another node since.
        picks = [.. picks.Where(p => p.Grants is not null || node.Owns(p.Step))];
        if (picks.Count == 0) return [];
        var now = node.Uptime;
        var asked = picks.GroupBy(p => p.Step).Select(group => (group.First().Each, Grants: group.First().Grants ?? AskAsync(session, boot, group.Key, group.Sum(p => p.Count)))).ToList();
        var granted = new List<(Grant Grant, SessionLease Lease)>();
        foreach (var (each, grants) in asked)
        {
            try
            {
                foreach (var grant in await grants)
                {
                    // A cancel that the step decided in the same batch comes before this.
                    var ending = session.Leases.GetValueOrDefault(grant.Token)?.EndReason;
                    var lease = new SessionLease(new HeldLease(grant.Task, grant.Token), boot, each) { RenewedAt = now, EndReason = ending };
                    session.Leases[grant.Token] = lease;
                    granted.Add((grant, lease));
                }
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                // What the other steps granted must still go out; this one offers its tasks again.
                node.Warn($"a step could not grant leases: {exception.Message}");
            }
        }
        // The worker was started anew while the grants were made: nobody is there to take them.
        if (session.Boot != boot) Lose(session, boot);
        var leases = new List<Lease>(granted.Count);
        foreach (var (grant, lease) in granted)
        {
            lease.Sent = await AssembleAsync(session, grant);
            if (lease.Sent is not null) leases.Add(lease.Sent);
        }
        return leases;
    }
}
