namespace Fanfare.EndToEnd.Metrics.Alerts;

/// <summary>A disk of the data directory that something else fills.</summary>
internal abstract class FilledDisk : AlertFault
{
    protected const int Size = 64 << 20;

    private const int Block = 1 << 16;

    private SmallDisk? _disk;
    private Site? _site;

    public override string? Refusal => MountFactAttribute.Refusal;

    protected Site Site => _site ?? throw new InvalidOperationException("It has not started.");

    private string Data => _disk!.Directory;

    private string Filling => Path.Combine(Data, "filling");

    public override async Task<IReadOnlyList<string>> StartAsync(Site shared)
    {
        _disk = SmallDisk.Mount(Directory.CreateTempSubdirectory("fanfare-disk-").FullName, $"size={Size}");
        _site = await Site.StartAsync(slots: 1, Data);
        return [Site.Url];
    }

    public override async Task MendAsync()
    {
        File.Delete(Filling);
        await Site.Api.SucceedAsync("""
            name: after
            steps:
              start: {run: "true"}
            """);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_site is not null) await _site.DisposeAsync();
        if (_disk is null) return;
        _disk.Dispose();
        Directory.Delete(Data);
    }

    /// <summary>Writes until no more than so much is free, or nothing more fits.</summary>
    protected void Fill(long free)
    {
        using var file = new FileStream(Filling, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var size = Block; size > 0 && new DriveInfo(Data).AvailableFreeSpace > free;)
        {
            try
            {
                file.Write(new byte[size]);
            }
            catch (IOException)
            {
                size /= 2;
            }
        }
    }
}

/// <summary>Nothing is left of it, so the journal takes no commands.</summary>
internal sealed class FullDisk : FilledDisk
{
    private Task<string>? _started;

    public override IReadOnlyList<string> Alerts => ["FanfareDiskFilling", "FanfareNotReady"];

    public override Task BreakAsync(RunningPrometheus prometheus)
    {
        Fill(free: 0);
        _started = Site.Api.StartAsync("""
            name: during
            steps:
              start: {run: "true"}
            """);
        return Task.CompletedTask;
    }

    public override async Task MendAsync()
    {
        await base.MendAsync();
        await Site.Api.SucceedRunAsync(await _started!);
    }
}

/// <summary>A third of it is left, and at this pace it will be full soon.</summary>
internal sealed class ShrinkingDisk : FilledDisk
{
    public override IReadOnlyList<string> Alerts => ["FanfareDiskFilling"];

    public override async Task BreakAsync(RunningPrometheus prometheus)
    {
        for (var left = 8; left >= 3; left--)
        {
            Fill(Size / 10 * left);
            await prometheus.ValueAsync("fanfare_disk_free_bytes", value => value <= Size / 10 * left);
        }
    }
}
