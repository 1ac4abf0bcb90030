using Fanfare.Contracts;

namespace Fanfare.Simulation.Store;

/// <summary>The rows of the read model, each written by one stream only.</summary>
internal sealed class RowTables
{
    private readonly Dictionary<object, StreamId> _owners = [];

    public Dictionary<(string Ns, string Flow, int Version), DeploymentRow> Deployments { get; } = [];

    public Dictionary<(string Ns, string Run), RunRow> Runs { get; } = [];

    public Dictionary<(string Ns, string Run, StepKey Key), StepRow> Steps { get; } = [];

    public Dictionary<(string Ns, string Run, StepKey Key), SortedDictionary<int, TaskRow>> Tasks { get; } = [];

    public Dictionary<(string Ns, string Run, StepKey Key, int Split, int Attempt), AttemptRow> Attempts { get; } = [];

    public void Put(Row row, StreamId writer)
    {
        object key;
        switch (row)
        {
            case DeploymentRow d:
                Deployments[(d.Namespace, d.Flow, d.Version)] = d;
                key = (d.Namespace, d.Flow, d.Version);
                break;
            case RunRow r:
                Runs[(r.Namespace, r.Run)] = r;
                key = (r.Namespace, r.Run);
                break;
            case StepRow s:
                Steps[(s.Namespace, s.Run, s.Key)] = s;
                key = (s.Namespace, s.Run, s.Key);
                break;
            case TaskRow t:
                if (!Tasks.TryGetValue((t.Namespace, t.Run, t.Key), out var tasks)) Tasks[(t.Namespace, t.Run, t.Key)] = tasks = [];
                tasks[t.Split] = t;
                key = (t.Namespace, t.Run, t.Key, t.Split);
                break;
            case AttemptRow a:
                Attempts[(a.Namespace, a.Run, a.Key, a.Split, a.Attempt)] = a;
                key = (a.Namespace, a.Run, a.Key, a.Split, a.Attempt);
                break;
            default:
                throw new InvalidOperationException($"Unknown row {row}.");
        }
        if (!_owners.TryAdd(key, writer) && _owners[key] != writer)
            throw new InvalidOperationException($"Row {row} belongs to {_owners[key]} and was written by {writer}.");
    }
}
