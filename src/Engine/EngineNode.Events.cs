using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

// Events: who listens is looked up when one is published, and what it comes to at each is part of it.
public sealed partial class EngineNode
{
    // Flows whose runs' ends somebody listens for. None is taken out: what nobody listens for any more costs an event that comes to nothing.
    private readonly HashSet<(string Namespace, string Flow)> _awaited = [];

    // How often it became unknown which these are, and how much of that has been made up for by a look since. While it is not known, every end is an event.
    private int _unknown = 1, _lookedUp;

    public Task<Published> PublishAsync(PublishEvent command, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        CheckPublishes();
        var stream = RunIds.StreamOf(command);
        if (command.Key is not null && await ReadModel.GetEventAsync(stream.Namespace, stream.Name, cancellationToken) is { } there) return new Published(stream.Name, New: false, there.Outcomes);
        var origin = new EventOrigin(EventKind.Event, command.Name);
        var outcomes = await MatchAsync(stream, origin, command.Payload, await ReadModel.ListListenersAsync(command.Namespace, origin, cancellationToken));
        var activation = Activate(stream);
        if (command.Key is null) activation.AssumeNew(new EventEntity(stream));
        return await activation.Ask<EventEntity, Published>(command.Actor, (EventEntity entity, in Moment moment) => entity.Publish(origin, command.Payload, command.Key, outcomes, moment));
    }).WaitAsync(cancellationToken);

    public Task CommandTriggerAsync(CommandTrigger command, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(StreamId.Flow(command.Namespace, command.Flow)).Ask<FlowEntity, bool>(command.Actor, (FlowEntity flow, in Moment moment) =>
        {
            flow.Command(command, moment);
            return true;
        })).WaitAsync(cancellationToken);

    public Task<IReadOnlyList<HadEvent>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(StreamId.Trigger(ns, trigger.Flow, trigger.Trigger)).Ask<TriggerEntity, IReadOnlyList<HadEvent>>("system", (TriggerEntity entity, in Moment moment) => entity.HeldFor(spec))).WaitAsync(cancellationToken);

    public Task<IReadOnlyList<TriggerOutcome>> CommandDeadLettersAsync(CommandDeadLetters command, CancellationToken cancellationToken) => OnLoop(async () =>
    {
        var activation = Activate(StreamId.Event(command.Namespace, command.Event));
        if (command.Verb == DeadLetterVerb.Dismiss)
            return await activation.Ask<EventEntity, IReadOnlyList<TriggerOutcome>>(command.Actor, (EventEntity entity, in Moment moment) => entity.Dismiss(IsMeant, moment));
        var (origin, payload, dead) = await activation.Ask<EventEntity, (EventOrigin, string, IReadOnlyList<TriggerName>)>(command.Actor, static (EventEntity entity, in Moment _) => entity.Read());
        var listeners = await ReadModel.ListListenersAsync(command.Namespace, origin, cancellationToken);
        var meant = dead.Where(IsMeant).ToList();
        var outcomes = await MatchAsync(activation.Id, origin, payload, [.. listeners.Where(row => meant.Contains(new TriggerName(row.Flow, row.Trigger)))]);
        // What cannot start now stays a dead letter, and says why now.
        var tried = outcomes.Select(outcome => outcome.Result == TriggerResult.Paused ? outcome with { Result = TriggerResult.Failed } : outcome)
            .Concat(meant.Except(outcomes.Select(outcome => outcome.Of())).Select(gone => new TriggerOutcome(gone.Flow, gone.Trigger, 0, TriggerResult.Failed, Reason: "The flow has no such trigger any more that listens for it.")));
        return await activation.Ask<EventEntity, IReadOnlyList<TriggerOutcome>>(command.Actor, (EventEntity entity, in Moment moment) => entity.Redrive([.. tried], moment));

        bool IsMeant(TriggerName trigger) => (command.Flow is null || trigger.Flow == command.Flow) && (command.Trigger is null || trigger.Trigger == command.Trigger);
    }).WaitAsync(cancellationToken);

    public Task AwaitEndsAsync(string ns, IReadOnlyList<string> flows, CancellationToken cancellationToken) => OnLoop(() =>
    {
        AwaitEnds(ns, flows);
        return Task.FromResult(true);
    });

    /// <summary>The flows whose runs' ends the flow's triggers listen for.</summary>
    internal static IReadOnlyList<string> EndsAwaitedBy(FlowSpec spec) => [.. (spec.Triggers ?? []).SelectMany(trigger => trigger.Sources).Select(source => source.Flow).OfType<string>().Distinct()];

    /// <exception cref="RefusedException">A server may take part that does not know what an event is.</exception>
    internal void CheckPublishes()
    {
        if (Journal.Format < JournalFormat.Of(new TriggerResumed(""))) throw IsTooEarly("events", "Publish it");
    }

    private void AwaitEnds(string ns, IReadOnlyList<string> flows) => _awaited.UnionWith(flows.Select(flow => (ns, flow)));

    private bool IsAwaited(string ns, string flow) => Journal.Format >= JournalFormat.Of(new RunEnded(RunStatus.Succeeded, null, Announced: true)) && (_lookedUp < _unknown || _awaited.Contains((ns, flow)));

    private async Task LearnAwaitedAsync()
    {
        var unknown = _unknown;
        _awaited.UnionWith(await ReadModel.ListAwaitedFlowsAsync(Stopping));
        _lookedUp = Math.Max(_lookedUp, unknown);
    }

    private async Task PublishEndAsync(StreamId run, StreamId stream, AnnounceEnd end)
    {
        var origin = new EventOrigin(EventKind.RunEnd, end.Flow);
        var outcomes = await MatchAsync(stream, origin, end.Payload, await ReadModel.ListListenersAsync(stream.Namespace, origin, Stopping));
        var activation = Activate(stream);
        activation.AssumeNew(new EventEntity(stream));
        await activation.Ask<EventEntity, Published>($"run:{run.Name}", (EventEntity entity, in Moment moment) => entity.Publish(origin, end.Payload, null, outcomes, moment));
    }

    private async Task<IReadOnlyList<TriggerOutcome>> MatchAsync(StreamId stream, EventOrigin origin, string payload, IReadOnlyList<TriggerRow> listeners)
    {
        if (listeners.Count == 0) return [];
        using var document = JsonDocument.Parse(payload);
        var outcomes = new List<TriggerOutcome>();
        foreach (var row in listeners)
        {
            var standing = row.Standing!;
            try
            {
                var (graph, _) = await Runs.GraphAsync(row.Namespace, row.Flow, standing.Deployment, Stopping);
                outcomes.Add(TriggerMatch.Of(stream.Name, origin, document.RootElement, row, graph.Spec));
            }
            catch (JournalFormatException error)
            {
                // The event is everybody's: one deployment that is damaged does not keep it from the others.
                outcomes.Add(new TriggerOutcome(row.Flow, row.Trigger, standing.Deployment, TriggerResult.Failed, Reason: error.Message));
            }
        }
        return outcomes;
    }
}
