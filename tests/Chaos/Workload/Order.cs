namespace Fanfare.Chaos.Workload;

/// <summary>A run that was asked for and acknowledged.</summary>
/// <param name="Key">The idempotency key under which it was asked for, as often as it took.</param>
/// <param name="Width">The run's parameter n.</param>
internal sealed record Order(string Key, ChaosFlow Flow, int Width, string Run);

/// <summary>The orders of a campaign so far.</summary>
internal sealed class OrderBook
{
    private readonly List<Order> _orders = [];

    public IReadOnlyList<Order> All
    {
        get
        {
            lock (_orders) return [.. _orders];
        }
    }

    public void Add(Order order)
    {
        lock (_orders) _orders.Add(order);
    }
}
