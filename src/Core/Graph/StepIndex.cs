using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>The steps of a spec by name, with the edges between those that exist, and the list that errors go to.</summary>
internal sealed class StepIndex
{
    /// <summary>Errors kept; a flow with more is told these first.</summary>
    private const int MostErrors = 1000;

    /// <summary>Names that a likely one is sought for; each is compared with every step.</summary>
    private const int MostSought = 100;

    private readonly Dictionary<string, StepSpec> _steps = [];
    private readonly Dictionary<string, List<Edge>> _out = [];
    private readonly Dictionary<string, List<Edge>> _in = [];
    private readonly Dictionary<string, string?> _nearest = [];
    private readonly List<SpecError> _errors;

    public StepIndex(FlowSpec spec, List<SpecError> errors)
    {
        Spec = spec;
        _errors = errors;
        Handlers = spec.OnFailure.Concat(spec.Finally).ToHashSet();
        foreach (var step in spec.Steps)
        {
            if (!_steps.TryAdd(step.Name, step)) continue;
            _out[step.Name] = [];
            _in[step.Name] = [];
        }
        foreach (var edge in _steps.Values.SelectMany(Edge.Of))
        {
            if (!_steps.ContainsKey(edge.To)) continue;
            _out[edge.From].Add(edge);
            _in[edge.To].Add(edge);
        }
    }

    public FlowSpec Spec { get; }

    /// <summary>In the order of the source, the first of each name.</summary>
    public IReadOnlyCollection<StepSpec> Steps => _steps.Values;

    public IReadOnlyCollection<string> Names => _steps.Keys;

    public IReadOnlySet<string> Handlers { get; }

    public bool Contains(string name) => _steps.ContainsKey(name);

    public StepSpec this[string name] => _steps[name];

    /// <summary>Edges to steps that exist.</summary>
    public IReadOnlyList<Edge> From(string name) => _out[name];

    public IReadOnlyList<Edge> To(string name) => _in[name];

    public void Error(string path, string message, string remedy)
    {
        if (_errors.Count < MostErrors) _errors.Add(new SpecError(0, 0, path, message, remedy));
    }

    /// <summary>The step that a name which does not exist probably means; null when none is near.</summary>
    public string? Nearest(string name)
    {
        if (_nearest.TryGetValue(name, out var known)) return known;
        return _nearest.Count < MostSought ? _nearest[name] = NearestName.Of(name, Names) : null;
    }

    /// <summary>Steps that some path from these leads to, these included.</summary>
    public HashSet<string> Reachable(IEnumerable<string> from)
    {
        var seen = new HashSet<string>(from.Where(Contains));
        var open = new Queue<string>(seen);
        while (open.TryDequeue(out var name))
            foreach (var edge in _out[name])
                if (seen.Add(edge.To)) open.Enqueue(edge.To);
        return seen;
    }
}
