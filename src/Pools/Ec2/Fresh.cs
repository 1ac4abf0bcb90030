namespace Fanfare.Pools.Ec2;

/// <summary>What this process made and ended lately, against EC2's lists, which come to show it only after a while, and not for good at once: each of EC2's servers learns of it in its own time.</summary>
internal sealed class Fresh(TimeSpan listedWithin, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Instance> _made = [];
    private readonly Dictionary<string, DateTimeOffset> _ended = [];

    public void Made(IEnumerable<Instance> instances)
    {
        lock (_lock)
            foreach (var instance in instances) _made.TryAdd(instance.Id, instance);
    }

    public void Ended(IEnumerable<string> ids)
    {
        lock (_lock)
            foreach (var id in ids) _ended[id] = clock.GetUtcNow();
    }

    /// <summary>Whether it was made so lately that EC2 may not know it yet.</summary>
    public bool IsNew(string id)
    {
        lock (_lock) return _made.TryGetValue(id, out var made) && IsLately(made.LaunchedAt);
    }

    /// <summary>What EC2 listed, with what it does not show yet.</summary>
    public IReadOnlyList<Instance> Complete(IReadOnlyList<Instance> listed)
    {
        lock (_lock)
        {
            foreach (var old in _made.Values.Where(i => !IsLately(i.LaunchedAt)).Select(i => i.Id).ToList()) _made.Remove(old);
            foreach (var old in _ended.Where(e => !IsLately(e.Value)).Select(e => e.Key).ToList()) _ended.Remove(old);
            var shown = listed.Select(i => i.Id).ToHashSet();
            return [.. listed.Concat(_made.Values.Where(i => !shown.Contains(i.Id))).Select(i => _ended.ContainsKey(i.Id) && i.State is not (InstanceState.Ending or InstanceState.Ended) ? i with { State = InstanceState.Ending } : i)];
        }
    }

    private bool IsLately(DateTimeOffset at) => clock.GetUtcNow() - at < listedWithin;
}
