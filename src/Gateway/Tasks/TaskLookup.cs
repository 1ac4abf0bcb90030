namespace Fanfare.Gateway;

/// <summary>The task that a request is about.</summary>
internal sealed record FoundTask(RunRow Run, Deployment Deployment, TaskRef Ref)
{
    public string Name => TaskRef.NameOf(Ref.Step, Ref.Split, Deployment.Steps[Ref.Step.Step].InForeach);
}

internal sealed class TaskLookup(IReadModel reads, Deployments deployments)
{
    /// <exception cref="ApiFault">There is no such run, or its flow has no such task.</exception>
    public async Task<FoundTask> FindAsync(HttpContext http, string run, string task)
    {
        var row = await reads.GetRunAsync(http, run);
        var deployment = await deployments.OfAsync(row, http.RequestAborted);
        var (key, split) = TaskNames.Read(task, deployment);
        return new FoundTask(row, deployment, new TaskRef(row.Namespace, row.Run, key, split));
    }

    /// <summary>The task's row; for one that waits, a row that says so.</summary>
    /// <exception cref="ApiFault">The step has opened, and has no such split; or the run ended without opening it.</exception>
    public async Task<TaskRow> RowAsync(FoundTask task, CancellationToken cancellationToken)
    {
        var (ns, run, key, split) = task.Ref;
        if (await reads.GetTaskAsync(ns, run, key, split, cancellationToken) is { } row) return row;
        var step = await reads.GetStepAsync(ns, run, key, cancellationToken);
        if (step is not null ? split >= step.Total : task.Run.Status.IsTerminal())
            throw ApiFault.NotFound(step is null
                ? $"Run {run} ended without opening {key}."
                : $"Step {key} of run {run} has {step.Total} split{(step.Total == 1 ? "" : "s")} so far; there is no task {task.Name}.");
        return new TaskRow(ns, run, key, split, TaskStatus.Waiting, -1, null, null, null, null, null, null, null);
    }
}
