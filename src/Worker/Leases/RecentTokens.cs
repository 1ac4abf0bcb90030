namespace Fanfare.Worker.Leases;

/// <summary>Tokens of attempts that are over, so that an answer that comes late does not start one again. Keeps the newest.</summary>
internal sealed class RecentTokens(int capacity)
{
    private readonly HashSet<string> _tokens = [];
    private readonly Queue<string> _order = new();

    public bool Contains(string token) => _tokens.Contains(token);

    public void Add(string token)
    {
        if (!_tokens.Add(token)) return;
        _order.Enqueue(token);
        if (_order.Count > capacity) _tokens.Remove(_order.Dequeue());
    }
}
