namespace Fanfare.Engine;

/// <summary>What was used lately, by key: at least the last half, and at most all, of as many as it may have. Two dictionaries take turns: when the newer one is full it becomes the older one, whose entries go unless they were used
/// meanwhile. So there is no moment at which all is forgotten, and none is put in order for it.</summary>
/// <param name="most">How many it may have.</param>
internal sealed class RecentlyUsed<TKey, TValue>(int most)
    where TKey : notnull
{
    private Dictionary<TKey, TValue> _newer = [], _older = [];

    public int Count => _newer.Count + _older.Count;

    public IEnumerable<TKey> Keys => _newer.Keys.Concat(_older.Keys);

    public TValue? Find(TKey key) => TryGet(key, out var value) ? value : default;

    public bool TryGet(TKey key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TValue value)
    {
        if (_newer.TryGetValue(key, out value)) return true;
        if (!_older.Remove(key, out value)) return false;
        Add(key, value);
        return true;
    }

    public void Set(TKey key, TValue value)
    {
        _older.Remove(key);
        if (_newer.ContainsKey(key)) _newer[key] = value;
        else Add(key, value);
    }

    public void Remove(TKey key)
    {
        if (!_newer.Remove(key)) _older.Remove(key);
    }

    private void Add(TKey key, TValue value)
    {
        if (_newer.Count >= most / 2)
        {
            (_older, _newer) = (_newer, _older);
            _newer.Clear();
        }
        _newer.Add(key, value);
    }
}
