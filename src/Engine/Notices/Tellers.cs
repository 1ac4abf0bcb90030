namespace Fanfare.Engine;

/// <summary>Tells receivers, each on its own: one that is slow or away holds up nobody else, and is not asked more at a time than it bears.</summary>
internal sealed class Tellers
{
    /// <summary>Notices that one receiver is told at a time.</summary>
    private const int AtATime = 4;

    private readonly Dictionary<string, Line> _lines = [];

    public void Put(EngineNode node, string receiver, Func<Task> tell)
    {
        if (!_lines.TryGetValue(receiver, out var line)) _lines[receiver] = line = new Line();
        line.Waiting.Enqueue(tell);
        if (line.Running == AtATime) return;
        line.Running++;
        node.Start(() => TellAsync(receiver, line));
    }

    private async Task TellAsync(string receiver, Line line)
    {
        try
        {
            while (line.Waiting.TryDequeue(out var tell)) await tell();
        }
        finally
        {
            if (--line.Running == 0 && line.Waiting.Count == 0) _lines.Remove(receiver);
        }
    }

    private sealed class Line
    {
        public Queue<Func<Task>> Waiting { get; } = new();

        public int Running { get; set; }
    }
}
