using Fanfare.Contracts;
using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Flows;
using Fanfare.Simulation.Store;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Simulation.Checks;

/// <summary>Compares what came of the runs, and what workers really did, with what the reference interpreter says.</summary>
internal sealed class OutcomeChecker(HistoryChecker history, DurableStore store, SideEffects effects, Faults faults)
{
    private readonly List<Violation> _violations = [];

    public IReadOnlyList<Violation> Check()
    {
        foreach (var (name, run) in history.Runs) CheckRun(name, run);
        CheckAccepted();
        foreach (var execution in effects.All.Where(e => e is { EndedAt: null, Froze: false }))
            Complain(execution.Lease.Task.Run, $"{execution.Lease.Name}, attempt {execution.Lease.Attempt}, still runs on {execution.Boot} though nothing is left to do");
        return _violations;
    }

    private void CheckRun(string name, RunLife run)
    {
        if (run.Ended is not { } ended)
        {
            Complain(name, "the run did not end, long after the faults did");
            return;
        }
        var oracle = Oracle.Of(run.Spec);
        if (!run.Interfered && ended.Status != oracle.Status) Complain(name, $"the run {ended.Status}, and should have {oracle.Status}: {ended.Error}");
        if (run.CancelRequested && ended.Status == RunStatus.Running) Complain(name, "a cancelled run runs");
        CheckHandlers(name, run, ended.Status);
        CheckCancel(name, run);
        CheckRow(name, run, ended);
        if (run.Skipped) return;
        var missing = oracle.Exact && !run.Interfered ? oracle.Tasks.Where(t => t.Value.Succeeds).Select(t => t.Key).ToHashSet() : [];
        foreach (var (key, tasks) in store.Rows.Tasks.Where(t => t.Key.Run == name))
        {
            foreach (var row in tasks.Values)
            {
                if (row.Status is not (TaskStatus.Succeeded or TaskStatus.Caught)) continue;
                var task = Name(run.Spec, key.Key, row.Split);
                missing.Remove(task);
                // An operator's kill fails a run that would have succeeded, and its on_failure then runs.
                if ((run.Generation > 0 || run.Interfered) && (run.Spec.OnFailure.Contains(key.Key.Step) || run.Spec.Finally.Contains(key.Key.Step))) continue;
                if (!oracle.Tasks.TryGetValue(task, out var expected)) Complain(name, $"{task} ran, and is no task of this run");
                else if (!expected.Succeeds) Complain(name, $"{task} succeeded, and cannot");
                else if (TaskBehaviour.ValueOf(row.Output) != expected.Value) Complain(name, $"{task} put out {row.Output}, and should have {expected.Value}: its inputs were wrong");
            }
        }
        foreach (var task in missing) Complain(name, $"{task} should have succeeded and did not");
    }

    // on_failure and finally in their order, once in each generation, unless a cancel spared them.
    private void CheckHandlers(string name, RunLife run, RunStatus status)
    {
        for (var generation = 0; generation <= run.Generation; generation++)
        {
            var ran = run.Handlers.Where(h => h.Generation == generation).Select(h => h.Step).ToList();
            if (ran.Distinct().Count() != ran.Count) Complain(name, $"a handler ran twice in generation {generation}: {string.Join(", ", ran)}");
            var order = run.Spec.OnFailure.Concat(run.Spec.Finally).Where(ran.Contains).ToList();
            if (!order.SequenceEqual(ran)) Complain(name, $"handlers ran in the wrong order: {string.Join(", ", ran)}");
            if (generation != run.Generation || run.Interfered) continue;
            var failedBefore = status == RunStatus.Failed && Oracle.Of(run.Spec).Tasks.Keys.Any(run.Spec.OnFailure.Contains);
            var due = failedBefore ? run.Spec.OnFailure.Concat(run.Spec.Finally) : run.Spec.Finally;
            if (!due.SequenceEqual(ran)) Complain(name, $"handlers that ran: {string.Join(", ", ran)}; should have: {string.Join(", ", due)}");
        }
    }

    // Once nothing disturbs it any more, a cancel ends the leasing within a minute. A worker that was frozen may start what it was leased before
    // for as long as the lease lasts, and what runs ends within the longest time that a worker may have been frozen or cut off.
    private void CheckCancel(string name, RunLife run)
    {
        if (run.CancelledAt is not { } at || !run.CancelRequested) return;
        var calm = (at > faults.EndsAt ? at : faults.EndsAt) + TimeSpan.FromMinutes(1);
        var handlers = run.Spec.OnFailure.Concat(run.Spec.Finally).ToHashSet();
        foreach (var late in store.History.Where(h => h.CommittedAt > calm && h.Entry.Event is TaskLeased && h.Stream.RunId == name && !handlers.Contains(h.Stream.StepKey.Step)))
            Complain(name, $"a task of {late.Stream.Name} was leased long after its run was cancelled");
        foreach (var execution in effects.All.Where(e => e.Lease.Task.Run == name && !handlers.Contains(e.Lease.Task.Step.Step)))
        {
            if (execution.StartedAt > calm + faults.LeaseTerm + TimeSpan.FromSeconds(1)) Complain(name, $"{execution.Lease.Name} started long after its run was cancelled");
            if (execution.EndedAt > calm + (3 * faults.LeaseTerm)) Complain(name, $"{execution.Lease.Name} ran on long after its run was cancelled");
        }
    }

    private void CheckRow(string name, RunLife run, RunEnded ended)
    {
        var row = store.Rows.Runs.Values.SingleOrDefault(r => r.Run == name);
        if (row is null || row.Status != ended.Status || row.EndedAt is null || row.Generation != run.Generation)
            Complain(name, $"the run's row says {row}, its history {ended.Status} in generation {run.Generation}");
    }

    // What the journal accepted is what a worker really did, under that very token.
    private void CheckAccepted()
    {
        var ended = effects.All.Where(e => e.How is not null).ToLookup(e => (e.Lease.Task.Stream, e.Lease.Task.Split, e.Lease.Attempt));
        foreach (var recorded in store.History)
        {
            if (recorded.Entry.Event is not TaskSucceeded { Caught: null } accepted) continue;
            if (!ended[(recorded.Stream, accepted.Split, accepted.Attempt)].Any(e => e.How == nameof(AttemptOutcome.Succeeded)))
                _violations.Add(new Violation(recorded.Stream.RunId, recorded.Position, $"{recorded.Stream}: attempt {accepted.Attempt} of split {accepted.Split} was accepted, and no worker did it"));
        }
    }

    private static string Name(FlowSpec spec, StepKey key, int split) => TaskRef.NameOf(key, split, FlowShape.InForeach(spec, key.Step));

    private void Complain(string run, string what) => _violations.Add(new Violation(run, long.MaxValue, $"run {run}: {what}"));
}
