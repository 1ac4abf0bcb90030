namespace Fanfare.Cli.Running;

/// <summary>Shows a run while it is followed. Safe to call from any thread.</summary>
internal abstract class ProgressView : IAsyncDisposable
{
    /// <summary>The run is now so.</summary>
    public abstract void Update(RunSnapshot snapshot);

    /// <summary>A remark on the following itself.</summary>
    public abstract void Note(string text);

    /// <summary>A line of a task's log.</summary>
    public abstract void Log(string task, LogLine line);

    /// <summary>Shows the last state, and gives the terminal back.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>Shows nothing.</summary>
internal sealed class NoProgress : ProgressView
{
    public override void Update(RunSnapshot snapshot)
    {
    }

    public override void Note(string text)
    {
    }

    public override void Log(string task, LogLine line)
    {
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
