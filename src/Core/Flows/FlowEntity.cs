using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A flow's deployments: immutable, numbered from 1.</summary>
public sealed class FlowEntity(StreamId id) : Entity(id)
{
    private readonly Dictionary<string, int> _versions = [];

    /// <summary>Number of the latest deployment; 0 while there is none.</summary>
    public int Latest { get; private set; }

    public override DateTimeOffset? DurableDue => null;

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => null;

    /// <summary>None: a flow has a row for each deployment, which never changes.</summary>
    public override Row? CurrentRow => null;

    /// <summary>Adds a deployment, unless the same spec and package were deployed before: then that deployment stands.</summary>
    public Deployed Deploy(DeployFlow deploy, string canonicalSpec, string digest, in Moment moment)
    {
        if (_versions.TryGetValue(digest, out var version)) return new Deployed(Id.Name, version, digest, New: false);
        Emit(new FlowDeployed(Latest + 1, digest, canonicalSpec, deploy.Source, deploy.Package), moment);
        return new Deployed(Id.Name, Latest, digest, New: true);
    }

    public override void Tick(in Moment moment)
    {
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment) =>
        throw new InvalidOperationException($"Flow {Id} was sent a message, and takes none.");

    protected override void Apply(JournalEvent entry)
    {
        if (entry.Event is not FlowDeployed e) throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a flow.");
        _versions[e.Digest] = e.Version;
        Latest = e.Version;
    }

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
        if (entry.Event is FlowDeployed e)
            rows.Add(new DeploymentRow(Id.Namespace, Id.Name, e.Version, e.Digest, e.Spec, e.Source, e.Package, entry.At, entry.Actor));
    }

    protected override void CollectRows(List<Row> rows)
    {
    }
}
