namespace Fanfare.EndToEnd.Metrics.Alerts;

/// <summary>Something that goes wrong, and what is done about it by the alert's runbook. A fault plays once: all is well, then it breaks, then it is mended.</summary>
internal abstract class AlertFault : IAsyncDisposable
{
    /// <summary>The alerts that tell of it.</summary>
    public abstract IReadOnlyList<string> Alerts { get; }

    /// <summary>Why it cannot be brought about here; null when it can.</summary>
    public virtual string? Refusal => null;

    /// <summary>Whether the fault happens on the site that the test's own faults share, and leaves others there alone.</summary>
    public virtual bool IsShared => false;

    /// <summary>A label that the alert has, where others of its name may tell of other faults on the same site.</summary>
    public virtual (string Name, string Value)? Label => null;

    /// <summary>Addresses of the servers.</summary>
    public abstract Task<IReadOnlyList<string>> StartAsync(Site shared);

    public abstract Task BreakAsync(RunningPrometheus prometheus);

    public abstract Task MendAsync();

    public abstract ValueTask DisposeAsync();
}

/// <summary>A fault on the site that several share.</summary>
internal abstract class SharedFault : AlertFault
{
    public override bool IsShared => true;

    protected Site Site { get; private set; } = null!;

    public override async Task<IReadOnlyList<string>> StartAsync(Site shared)
    {
        Site = shared;
        await PrepareAsync();
        return [shared.Url];
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>What is there before the fault.</summary>
    protected virtual Task PrepareAsync() => Task.CompletedTask;

    /// <summary>A worker of one queue, with a name of its own.</summary>
    protected FanfareProcess Worker(string name, string queue) => Site.Command("worker", "--server", Site.Url, "--slots", "8", "--name", name, "--queue", queue, "--data", Site.In(name));
}
