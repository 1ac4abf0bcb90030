using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of events and triggers. Every run that an event is to start starts once; nothing that listens is passed over, once somebody was told that it is deployed.</summary>
public sealed class TriggerLives
{
    private readonly Dictionary<string, string?> _due = [];
    private readonly Dictionary<string, (FlowSpec Spec, int Version)> _answered = [];
    private readonly Dictionary<string, List<(FlowSpec Spec, int Version)>> _listening = [];
    private readonly Dictionary<StreamId, Dictionary<int, TriggerTook>> _pending = [];
    private readonly Dictionary<StreamId, TriggerSpec> _specs = [];
    private readonly HashSet<(StreamId Trigger, string Event)> _held = [], _taken = [];
    private readonly HashSet<string> _announced = [], _published = [];

    /// <summary>Somebody was told that the deployment is there.</summary>
    public void Answered(FlowSpec spec, int version)
    {
        if (_answered.GetValueOrDefault(spec.Name).Version < version) _answered[spec.Name] = (spec, version);
    }

    // Of what was asked before and comes later, nobody can say which of the two came first.
    public void Deleted(StreamId flow)
    {
        _answered.Remove(flow.Name);
        foreach (var listening in _listening.Values) listening.RemoveAll(known => known.Spec.Name == flow.Name);
    }

    /// <summary>Somebody asks for an event, or a run ends: who was known to listen before must hear of it.</summary>
    public void Asked(string what) => _listening.TryAdd(what, [.. _answered.Values]);

    public void ReadEvent(Recorded recorded, Action<string> complain)
    {
        var outcomes = recorded.Entry.Event switch
        {
            EventPublished e => e.Outcomes,
            EventRedriven e => e.Outcomes,
            _ => [],
        };
        if (recorded.Entry.Event is EventPublished published)
        {
            if (!_published.Add(recorded.Stream.Name)) complain("an event was published twice");
            foreach (var (spec, version) in _listening.GetValueOrDefault(NameOf(recorded.Stream, published)) ?? [])
            {
                foreach (var trigger in (spec.Triggers ?? []).Where(trigger => trigger.Sources.Any(source => source.Origin == published.Origin)))
                    if (!outcomes.Any(o => o.Flow == spec.Name && o.Trigger == trigger.Name && o.Deployment >= version)) complain($"trigger {trigger.Name} of flow {spec.Name} listens for it, and was passed over");
            }
        }
        foreach (var outcome in outcomes)
        {
            if (outcome.Start is { } start && !_due.TryAdd(start.Run, null)) complain($"run {start.Run} is to start by two events");
            if (outcome.Held is not null) _held.Add((StreamId.Trigger(recorded.Stream.Namespace, outcome.Flow, outcome.Trigger), recorded.Stream.Name));
        }
    }

    public void ReadTrigger(Recorded recorded, Action<string> complain)
    {
        if (recorded.Entry.Event is not TriggerTook e) return;
        if (!_held.Contains((recorded.Stream, e.Id))) complain($"event {e.Id} was taken, and never came");
        if (!_taken.Add((recorded.Stream, e.Id))) complain($"event {e.Id} was taken twice");
        if (e.Spec is not null) _specs[recorded.Stream] = e.Spec;
        var spec = _specs[recorded.Stream];
        if (!_pending.TryGetValue(recorded.Stream, out var pending)) _pending[recorded.Stream] = pending = [];
        pending[e.Source] = e;
        var newest = pending.Values.Max(took => took.PublishedAt);
        var all = Enumerable.Range(0, spec.Sources.Count).All(source => pending.TryGetValue(source, out var took) && newest - took.PublishedAt <= spec.Within);
        if (all != e.Fired is not null) complain(all ? "all are there, and no run starts" : "a run starts, and not all are there");
        if (e.Fired is not { } run) return;
        pending.Clear();
        if (!_due.TryAdd(run, null)) complain($"run {run} is to start twice");
    }

    public void ReadStarted(Recorded recorded, RunStarted started, RunCause cause, Action<string> complain)
    {
        var name = recorded.Stream.Name;
        if (!_due.TryGetValue(name, out var begun)) complain($"a run started by trigger {cause.Trigger}, and no event was to start it");
        else if (begun is not null) complain("a run started twice by an event");
        _due[name] = started.Flow;
    }

    public void ReadEnded(Recorded recorded, RunStarted started, int generation, RunEnded ended, Action<string> complain)
    {
        var isAwaited = _answered.Values.Any(known => known.Spec.Triggers?.Any(trigger => trigger.Sources.Any(source => source.Flow == started.Flow)) is true);
        if (isAwaited && ended.Announced is not true) complain("a trigger listens for ends of the flow's runs, and nobody is told of this one");
        if (ended.Announced is not true) return;
        _announced.Add($"{recorded.Stream.Name}/{generation}");
        Asked($"{recorded.Stream.Name}/{generation}");
    }

    /// <summary>What <see cref="Asked"/> was told of it: its id, or its name and key; of a run's end, run and generation.</summary>
    private static string NameOf(StreamId stream, EventPublished published)
    {
        if (published.Origin.Kind == EventKind.Event) return published.Key is { } key ? $"{published.Origin.Name} {key}" : stream.Name;
        using var payload = JsonDocument.Parse(published.Payload);
        return $"{payload.RootElement.GetProperty("run").GetString()}/{payload.RootElement.GetProperty("generation").GetInt32()}";
    }

    /// <summary>What has not happened, when all is over.</summary>
    public IEnumerable<string> Missing()
    {
        foreach (var (run, begun) in _due)
            if (begun is null) yield return $"run {run}, which an event was to start, never did";
        foreach (var (trigger, id) in _held.Except(_taken)) yield return $"event {id} never came to {trigger}";
        if (_announced.Count > _published.Count) yield return $"{_announced.Count} ends of runs were announced, and only {_published.Count} events published";
    }
}
