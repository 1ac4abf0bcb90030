namespace Fanfare.Chaos.Faults;

/// <summary>What was done to whom, and when.</summary>
internal sealed class FaultLog
{
    private readonly List<FaultWindow> _windows = [];

    public IReadOnlyList<FaultWindow> Windows
    {
        get
        {
            lock (_windows) return [.. _windows];
        }
    }

    public void Add(FaultWindow window)
    {
        lock (_windows) _windows.Add(window);
    }

    public string Counts() => string.Join(", ", Windows.GroupBy(w => w.Kind).OrderBy(g => g.Key).Select(g => $"{g.Key} {g.Count()}"));
}
