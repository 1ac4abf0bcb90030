namespace Fanfare.Worker.Logs;

/// <summary>Where an attempt's two streams are kept beside its log, if anywhere.</summary>
internal sealed class LogCopies : IDisposable
{
    /// <param name="paths">Where; null for nowhere.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Is told of what cannot be kept.</param>
    public LogCopies(LogPaths? paths, TimeProvider time, TaskLog log)
    {
        if (paths is null) return;
        var stamps = new MetaflowStamps(time);
        Output = new MetaflowLog(paths.Output, stamps, log.Remark);
        Error = new MetaflowLog(paths.Error, stamps, log.Remark);
    }

    public MetaflowLog? Output { get; }

    public MetaflowLog? Error { get; }

    public void Dispose()
    {
        Output?.Dispose();
        Error?.Dispose();
    }
}
