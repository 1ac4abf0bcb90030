using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A flow's deployments: immutable, numbered from 1. The latest says which schedules and triggers the flow has. A deletion takes away all that there are, and the next one is numbered on: so a number names one deployment for ever.</summary>
public sealed class FlowEntity(StreamId id) : Entity(id)
{
    private readonly Dictionary<string, int> _versions = [];
    private readonly HashSet<string> _schedules = [];
    private Dictionary<string, TriggerStanding> _triggers = [];
    private IReadOnlyCollection<string> _triggersBefore = [];
    private int _deletedBefore;

    /// <summary>Number of the latest deployment, deleted or not; 0 while there was none.</summary>
    public int Latest { get; private set; }

    /// <summary>Number of the latest that was deleted, and with it all before it; 0 for none.</summary>
    public int Deleted { get; private set; }

    public override DateTimeOffset? DurableDue => null;

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => null;

    /// <summary>None: a flow has a row for each deployment, which never changes but for its deletion.</summary>
    public override Row? CurrentRow => null;

    /// <summary>Adds a deployment, unless the same spec and package were deployed before: then that deployment stands.</summary>
    public Deployed Deploy(DeployFlow deploy, string canonicalSpec, string digest, in Moment moment)
    {
        if (_versions.TryGetValue(digest, out var version)) return new Deployed(Id.Name, version, digest, New: false);
        Emit(new FlowDeployed(Latest + 1, digest, canonicalSpec, deploy.Source, deploy.Package), moment);
        return new Deployed(Id.Name, Latest, digest, New: true);
    }

    /// <summary>Deletes all deployments. Where there are none left, that holds already.</summary>
    /// <exception cref="RefusedException">There never was one, or another is the latest than was named.</exception>
    public FlowDeletion Delete(DeleteFlow delete, in Moment moment)
    {
        if (Latest == 0) throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no flow '{Id.Name}' in namespace '{Id.Namespace}'.");
        if (delete.Deployment > Latest || (delete.Deployment < Latest && Latest > Deleted))
        {
            throw new RefusedException(RefusalKind.Conflict, "FAN0003", $"The latest deployment of flow {Id.Name} is {Latest}, not {delete.Deployment}: nothing was deleted.")
            {
                Fields = [new SpecError(0, 0, "deployment", $"is not the latest, which is {Latest}", "Look at that one and name it, or leave it out for whichever is the latest.")],
            };
        }
        if (Latest == Deleted) return new FlowDeletion(Id.Name, Latest, New: false);
        Emit(new FlowDeleted(), moment);
        return new FlowDeletion(Id.Name, Latest, New: true);
    }

    /// <summary>Pauses or resumes a trigger; what holds already changes nothing.</summary>
    /// <exception cref="RefusedException">There is no such trigger.</exception>
    public void Command(CommandTrigger command, in Moment moment)
    {
        if (!_triggers.TryGetValue(command.Trigger, out var trigger))
            throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"Flow '{command.Flow}' has no trigger '{command.Trigger}' in namespace '{command.Namespace}'.");
        switch (command.Verb)
        {
            case ScheduleVerb.Pause:
                if (trigger.Pause is null) Emit(new TriggerPaused(command.Trigger, command.Reason), moment);
                break;
            case ScheduleVerb.Resume:
                if (trigger.Pause is not null) Emit(new TriggerResumed(command.Trigger), moment);
                break;
            default:
                throw new InvalidOperationException($"Unknown verb {command.Verb}.");
        }
    }

    public override void Tick(in Moment moment)
    {
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment) =>
        throw new InvalidOperationException($"Flow {Id} was sent a message, and takes none.");

    protected override void Apply(JournalEvent entry)
    {
        switch (entry.Event)
        {
            case FlowDeployed e:
                _versions[e.Digest] = e.Version;
                Latest = e.Version;
                var spec = FlowSpecJson.StartsByItself(e.Spec) ? FlowSpecJson.Read(e.Spec) : null;
                Schedule(e.Version, spec?.Schedules ?? [], spec?.Notify);
                // A pause outlasts deployments.
                _triggers = (spec?.Triggers ?? []).ToDictionary(trigger => trigger.Name, trigger => new TriggerStanding(e.Version, trigger, _triggers.GetValueOrDefault(trigger.Name)?.Pause));
                break;
            case FlowDeleted:
                _versions.Clear();
                Schedule(Latest, []);
                _triggers = [];
                Deleted = Latest;
                break;
            case TriggerPaused e:
                _triggers[e.Trigger] = _triggers[e.Trigger] with { Pause = new SchedulePause(entry.Actor, Stored(entry.At), e.Reason) };
                break;
            case TriggerResumed e:
                _triggers[e.Trigger] = _triggers[e.Trigger] with { Pause = null };
                break;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a flow.");
        }
    }

    // Its schedules are those of the latest deployment: they hear of each, since their runs are of it.
    private void Schedule(int deployment, IReadOnlyList<ScheduleSpec> schedules, IReadOnlyList<NotifySpec>? notify = null)
    {
        List<NotifySpec> rules = [.. NoticePolicy.For(notify, NoticeKind.Skipped).Select(item => item.Rule)];
        foreach (var schedule in schedules) Send(StreamId.Schedule(Id.Namespace, Id.Name, schedule.Name), new SetSchedule(deployment, schedule, rules.Count > 0 ? rules : null));
        foreach (var former in _schedules.Except(schedules.Select(schedule => schedule.Name)).Order(StringComparer.Ordinal).ToList()) Send(StreamId.Schedule(Id.Namespace, Id.Name, former), new RemoveSchedule());
        _schedules.Clear();
        _schedules.UnionWith(schedules.Select(schedule => schedule.Name));
    }

    protected override void BeforeApply(JournalEvent entry) => (_deletedBefore, _triggersBefore) = (Deleted, [.. _triggers.Keys]);

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
        if (entry.Event is FlowDeployed e) rows.Add(new DeploymentRow(Id.Namespace, Id.Name, e.Version, e.Digest, e.Spec, e.Source, e.Package, entry.At, entry.Actor));
        else if (entry.Event is FlowDeleted) rows.Add(new DeletionRow(Id.Namespace, Id.Name, _deletedBefore + 1, Latest, entry.At));
        // What listens is known from when the deployment is: rows of the flow's own, not of somebody who is told.
        foreach (var trigger in _triggersBefore.Union(_triggers.Keys)) rows.Add(new TriggerRow(Id.Namespace, Id.Name, trigger, _triggers.GetValueOrDefault(trigger)));
    }

    protected override void CollectRows(List<Row> rows)
    {
    }
}
