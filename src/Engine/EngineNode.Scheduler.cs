using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

// The port that the gateway calls, from any thread: each method enters the engine's scheduler. A caller that gives up is let go at once;
// its command may still become durable, which is why commands can be repeated. A poll is let go by the dispatcher, with an answer.
public sealed partial class EngineNode
{
    public Task<Deployed> DeployAsync(DeployFlow command, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        if (FlowGraph.Compile(command.Spec, out var errors) is null)
            throw new RefusedException(RefusalKind.Invalid, "FAN0004", $"The spec has {errors.Count} errors.") { Fields = errors };
        CheckDeploys(command.Spec);
        var spec = FlowSpecJson.Write(command.Spec);
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{spec}\n{command.Package}")));
        var (deployed, versions) = await Activate(StreamId.Flow(command.Namespace, command.Spec.Name)).Ask<FlowEntity, (Deployed, FlowVersions)>(command.Actor,
            (FlowEntity flow, in Moment moment) => (flow.Deploy(command, spec, digest, moment), FlowVersions.Of(flow)));
        Learn(command.Namespace, command.Spec.Name, versions);
        AwaitEnds(command.Namespace, EndsAwaitedBy(command.Spec));
        return deployed;
    }).WaitAsync(cancellationToken);

    public Task<FlowDeletion> DeleteFlowAsync(DeleteFlow command, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        CheckDeletes();
        var (deletion, versions) = await Activate(StreamId.Flow(command.Namespace, command.Flow)).Ask<FlowEntity, (FlowDeletion, FlowVersions)>(command.Actor,
            (FlowEntity flow, in Moment moment) => (flow.Delete(command, moment), FlowVersions.Of(flow)));
        Learn(command.Namespace, command.Flow, versions);
        return deletion;
    }).WaitAsync(cancellationToken);

    // What was on its way to the journal when the flow went to another node is answered later: from then on it is that node's to know.
    private void Learn(string ns, string flow, FlowVersions versions)
    {
        if (Owns(StreamId.Flow(ns, flow))) Runs.SetVersions(ns, flow, versions);
    }

    /// <exception cref="RefusedException">A server may take part that does not know what a deletion is.</exception>
    internal void CheckDeletes()
    {
        if (Journal.Format < JournalFormat.Of(new FlowDeleted())) throw IsTooEarly("that a flow was deleted", "Delete it");
    }

    /// <exception cref="RefusedException">A server may take part that does not know all of the spec.</exception>
    internal void CheckDeploys(FlowSpec spec)
    {
        if (SpecFormat.Beyond(spec, Journal.Format) is { } part) throw IsTooEarly(part, "Deploy the flow without it, or");
    }

    private static RefusedException IsTooEarly(string unreadable, string remedy) => new(RefusalKind.Conflict, "FAN0003",
        $"A server of an older release takes part, or has until some minutes ago, which cannot read {unreadable}. {remedy} when the upgrade is done: ten minutes after the last of them has gone.");

    public Task<Started> StartRunAsync(StartRun command, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        var run = RunIds.StreamOf(command).Name;
        if (command.IdempotencyKey is not null && await ReadModel.GetRunAsync(command.Namespace, run, cancellationToken) is { } there)
            return new Started(run, there.Deployment, New: false);
        // A key stands for the run that it started first, also when that has been archived.
        if (command.IdempotencyKey is not null && await ReadModel.GetRetiredAsync(command.Namespace, run, cancellationToken) is { } retired)
            return new Started(run, retired.Deployment, New: false);
        var version = VersionOf(command, Runs.Versions(command.Namespace, command.Flow) ?? await VersionsAsync(command));
        var (graph, package) = await Runs.GraphAsync(command.Namespace, command.Flow, version, cancellationToken);
        var (parameters, errors) = FlowParameters.Bind(graph.Spec, command.Parameters);
        if (errors.Count > 0)
            throw new RefusedException(RefusalKind.Invalid, "FAN0005", $"{errors.Count} of the run's parameters {(errors.Count == 1 ? "is" : "are")} not right.") { Fields = errors };
        var context = Runs.Put(command.Namespace, run, new RunContext(graph, version, parameters, package));
        var activation = Activate(StreamId.Run(command.Namespace, run));
        // An id that was drawn for this command is nobody else's; if it is, for the command came twice, the first append finds out.
        if (command.IdempotencyKey is null) activation.AssumeNew(RunOf(activation.Id, context));
        return await activation.Ask<RunEntity, Started>(command.Actor, (RunEntity entity, in Moment moment) =>
        {
            var started = entity.Start(command, moment);
            return new Started(run, entity.Deployment, started);
        });
    }).WaitAsync(cancellationToken);

    // What was deleted goes on in the runs that have it, and starts no more.
    private static int VersionOf(StartRun command, FlowVersions versions)
    {
        if (command.Deployment <= versions.Deleted)
            throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"Deployment {command.Deployment} of flow '{command.Flow}' in namespace '{command.Namespace}' was deleted. Deploy it again, and start that.");
        return command.Deployment ?? versions.Current ?? throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no flow '{command.Flow}' in namespace '{command.Namespace}'. Deploy it first.");
    }

    private async Task<FlowVersions> VersionsAsync(StartRun command)
    {
        if (Owns(StreamId.Flow(command.Namespace, command.Flow)))
            return await Activate(StreamId.Flow(command.Namespace, command.Flow)).Ask<FlowEntity, FlowVersions>(command.Actor, static (FlowEntity flow, in Moment _) => FlowVersions.Of(flow));
        // What another node deploys or deletes is durable when it is acknowledged, and then read here.
        var row = await ReadModel.GetDeploymentAsync(command.Namespace, command.Flow, command.Deployment, Stopping);
        return row is null ? default : new FlowVersions(row.Version, row.DeletedAt is null ? 0 : row.Version);
    }

    public Task<RunStatus> CommandRunAsync(CommandRun command, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        var activation = Activate(StreamId.Run(command.Namespace, command.Run));
        var status = await activation.Ask<RunEntity, RunStatus>(command.Actor, (RunEntity run, in Moment moment) => run.Command(command, moment));
        if (command.Verb != RunVerb.Pause) return status;
        // Who asked for a pause is answered when nothing starts any more, not when the run has taken note. It may have been cancelled since.
        await activation.Until<RunEntity>(static run => run.IsPauseSettled);
        return await activation.Ask<RunEntity, RunStatus>(command.Actor, static (RunEntity run, in Moment moment) => run.Status);
    }).WaitAsync(cancellationToken);

    public Task CommandTaskAsync(CommandTask command, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(command.Task.Stream).Ask<StepEntity, bool>(command.Actor, (StepEntity step, in Moment moment) =>
        {
            CheckOpened(step, command.Task);
            switch (command.Verb)
            {
                case TaskVerb.Kill:
                    step.Kill(command.Task.Split, moment);
                    break;
                case TaskVerb.Retry:
                    step.Retry(command.Task.Split, moment);
                    break;
                case TaskVerb.Skip:
                    if (command.Output is { } output && !IsObject(output))
                        throw new RefusedException(RefusalKind.Invalid, "FAN0001", "output: a task's output must be a JSON object. Give an object, or nothing.");
                    step.Skip(command.Task.Split, command.Output, moment);
                    break;
                default:
                    throw new InvalidOperationException($"Unknown verb {command.Verb}.");
            }
            return true;
        })).WaitAsync(cancellationToken);

    public Task CommandScheduleAsync(CommandSchedule command, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(StreamId.Schedule(command.Namespace, command.Flow, command.Schedule)).Ask<ScheduleEntity, bool>(command.Actor, (ScheduleEntity schedule, in Moment moment) =>
        {
            schedule.Command(command, moment);
            return true;
        })).WaitAsync(cancellationToken);

    public Task StartBackfillAsync(StartBackfill command, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        CheckBackfills();
        var activation = Activate(StreamId.Schedule(command.Namespace, command.Plan.Flow, command.Plan.Schedule));
        await activation.Ask<ScheduleEntity, bool>(command.Actor, (ScheduleEntity schedule, in Moment moment) =>
        {
            schedule.Backfill(command, moment);
            return true;
        });
        // Answered when the backfill has been told, and can be read.
        var backfill = StreamId.Backfill(command.Namespace, command.Backfill);
        await activation.Until<ScheduleEntity>(schedule => schedule.OutboxTo(backfill, 1).Count == 0);
        return true;
    }).WaitAsync(cancellationToken);

    public Task CommandBackfillAsync(CommandBackfill command, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(StreamId.Backfill(command.Namespace, command.Backfill)).Ask<BackfillEntity, bool>(command.Actor, (BackfillEntity backfill, in Moment moment) =>
        {
            backfill.Command(command, moment);
            return true;
        })).WaitAsync(cancellationToken);

    /// <exception cref="RefusedException">A server may take part that does not know what a backfill is.</exception>
    internal void CheckBackfills()
    {
        if (Journal.Format < JournalFormat.Of(new BackfillResumed())) throw IsTooEarly("backfills", "Start it");
    }

    public Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        if (!Owns(delivery.Target)) throw RefusedException.Moved(delivery.Target);
        await TakeInAsync(delivery.Sender, delivery.Target, [.. delivery.Messages.Select(m => new OutboxMessage(m.Sequence, m.Target, m.Message))]);
        return true;
    }).WaitAsync(cancellationToken);

    public Task<Explanation> ExplainAsync(TaskRef task, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(task.Stream).Ask<StepEntity, Explanation>("system", (StepEntity step, in Moment moment) =>
        {
            if (step.Run is null) return new Explanation("waiting", "Its step has not been opened in this run: what comes before it is not done.", []);
            var explanation = step.Explain(task.Split, moment.Now);
            if (explanation.State != "waiting" || !step.IsReady(task.Split)) return explanation;
            var (why, expectedAt) = Dispatcher.WhyUnserved(step.Offer, step.Before(task.Split));
            return explanation with { Details = [.. explanation.Details, .. why, .. _keepers.Values.Select(keeper => keeper.For(step.Offer.Queue, step.Offer.Resources)).OfType<string>().Order(StringComparer.Ordinal)], ExpectedAt = expectedAt };
        })).WaitAsync(cancellationToken);

    public Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        CheckHeld();
        var response = await Dispatcher.PollAsync(request, cancellationToken);
        // The request came before this look, so a successor that this misses gives every lease its term from a later time than the worker counts from.
        CheckHeld();
        return response;
    });

    /// <exception cref="RefusedException">The node may own nothing any more.</exception>
    internal void CheckHeld()
    {
        if (Options.IsHeld?.Invoke() is false) throw new RefusedException(RefusalKind.Busy, "FAN0008", "Another server may have taken over what this one owned. Repeat the request in a moment.");
    }

    public async IAsyncEnumerable<LeaseInput> ReadInputsAsync(HeldLease lease, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (context, inputs) = await OnLoop(async () =>
        {
            var inputs = await Activate(lease.Task.Stream).Ask<StepEntity, TaskInputs?>("system", (StepEntity step, in Moment moment) => step.InputsOf(lease));
            return (await Runs.GetAsync(lease.Task.Namespace, lease.Task.Run, cancellationToken), inputs);
        });
        if (inputs is null) throw new RefusedException(RefusalKind.Conflict, "FAN0007", "token: this is not the current attempt of the task; its lease has ended.");
        // Read on the caller's thread: a join of a million members must not hold up the engine.
        await foreach (var input in _assembly.ReadAsync(context, lease.Task, inputs, cancellationToken)) yield return input;
    }

    public Task<int?> CheckLeaseAsync(HeldLease lease, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        try
        {
            return await Activate(lease.Task.Stream).Ask<StepEntity, int?>("system", (StepEntity step, in Moment moment) => step.AttemptOf(lease));
        }
        catch (RefusedException refused) when (refused.Kind is RefusalKind.NotFound or RefusalKind.Gone)
        {
            return null;
        }
    }).WaitAsync(cancellationToken);

    public Task<IReadOnlyList<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken) => OnLoop(() => Task.FromResult(Dispatcher.Workers()));

    public Task<IReadOnlyList<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken) => OnLoop(() => Task.FromResult(Dispatcher.Queues()));

    private static void CheckOpened(StepEntity step, TaskRef task)
    {
        if (step.Run is null)
            throw new RefusedException(RefusalKind.Conflict, "FAN0003", $"Step {task.Step} has not been opened in run {task.Run}: what comes before it is not done.");
    }

    private static bool IsObject(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
