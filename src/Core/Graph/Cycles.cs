namespace Fanfare.Core;

/// <summary>The cycles of the graph: its strongly connected components, with all edges and without those of a switch.</summary>
internal sealed class Cycles
{
    private readonly Dictionary<string, int> _all;
    private readonly Dictionary<string, int> _withoutSwitch;

    public Cycles(StepIndex index)
    {
        Index = index;
        _all = new Components(index, switches: true).Number();
        _withoutSwitch = new Components(index, switches: false).Number();
    }

    public StepIndex Index { get; }

    /// <summary>Whether the edge lies on a cycle.</summary>
    public bool Contains(Edge edge) => _all[edge.From] == _all[edge.To];

    /// <summary>Whether the edge lies on a cycle that no switch can leave.</summary>
    public bool WithoutSwitch(Edge edge) => edge.Kind != EdgeKind.Case && _withoutSwitch[edge.From] == _withoutSwitch[edge.To];

    /// <summary>Sets of steps that lead to each other without a switch, each in the order of the source.</summary>
    public IEnumerable<IReadOnlyList<string>> SetsWithoutSwitch() => Sets(_withoutSwitch, WithoutSwitch);

    /// <summary>Sets of steps that lead to each other.</summary>
    public IEnumerable<IReadOnlyList<string>> Sets() => Sets(_all, Contains);

    private IEnumerable<IReadOnlyList<string>> Sets(Dictionary<string, int> numbers, Func<Edge, bool> onCycle) =>
        from name in Index.Names
        group name by numbers[name] into set
        let steps = set.ToList()
        where steps.Any(s => Index.From(s).Any(onCycle))
        select steps;

    /// <summary>Tarjan's algorithm, with a stack of its own.</summary>
    private sealed class Components(StepIndex index, bool switches)
    {
        private readonly Dictionary<string, int> _order = [];
        private readonly Dictionary<string, int> _low = [];
        private readonly Dictionary<string, int> _component = [];
        private readonly Stack<string> _pending = new();

        public Dictionary<string, int> Number()
        {
            foreach (var name in index.Names)
                if (!_order.ContainsKey(name)) Visit(name);
            return _component;
        }

        private void Visit(string root)
        {
            var path = new Stack<(string Name, int Edge)>();
            Begin(root);
            path.Push((root, 0));
            while (path.TryPop(out var at))
            {
                var edges = index.From(at.Name);
                if (at.Edge < edges.Count)
                {
                    path.Push((at.Name, at.Edge + 1));
                    var edge = edges[at.Edge];
                    if (!switches && edge.Kind == EdgeKind.Case) continue;
                    if (!_order.TryGetValue(edge.To, out var order))
                    {
                        Begin(edge.To);
                        path.Push((edge.To, 0));
                    }
                    else if (!_component.ContainsKey(edge.To))
                    {
                        _low[at.Name] = Math.Min(_low[at.Name], order);
                    }
                    continue;
                }
                if (_low[at.Name] == _order[at.Name]) Close(at.Name);
                if (path.TryPeek(out var parent)) _low[parent.Name] = Math.Min(_low[parent.Name], _low[at.Name]);
            }
        }

        private void Begin(string name)
        {
            _order[name] = _low[name] = _order.Count;
            _pending.Push(name);
        }

        private void Close(string name)
        {
            string member;
            do
            {
                member = _pending.Pop();
                _component[member] = _order[name];
            }
            while (member != name);
        }
    }
}
