namespace Fanfare.EndToEnd.Withstanding;

/// <summary>A server that cannot start says why and what to do, and ends; what it may start with, it keeps.</summary>
public sealed class DataDirectoryTests
{
    private const string Flow = "name: kept\nparameters: {n: {type: int, default: 0}}\nsteps: {start: {run: [\"true\"]}}\n";

    [MountFact]
    public async Task AReadOnlyDataDirectory_IsSaidClearly()
    {
        await using var site = Site.Empty();
        Directory.CreateDirectory(site.Data);
        using var disk = SmallDisk.Mount(site.Data, "size=1m,ro");

        await RefusesAsync(site, "cannot be written", "--data");
    }

    [MountFact]
    public async Task ADataDirectoryThatBecameReadOnly_IsSaidClearly()
    {
        await using var site = Site.Empty();
        Directory.CreateDirectory(site.Data);
        using var disk = SmallDisk.Mount(site.Data, "size=32m");
        await site.StartServerAsync();
        await site.Api.StartAsync(Flow);
        await site.Server.KillAsync();
        disk.Remount("ro");

        await RefusesAsync(site, "cannot be written", "--data");
    }

    [Fact]
    public async Task ADataDirectoryInUse_NamesTheOtherServer_WhichGoesOn()
    {
        await using var site = Site.Empty();
        await site.StartServerAsync();

        var second = site.Command("serve", "--no-worker", "--data", site.Data, "--port", "0");

        Assert.Equal(2, await second.ExitAsync(Eventually.Limit));
        Assert.Contains("in use by another server", second.Output, StringComparison.Ordinal);
        Assert.Contains($"pid {site.Server.Id}", second.Output, StringComparison.Ordinal);
        Assert.Contains("--data", second.Output, StringComparison.Ordinal);
        Assert.Equal(200, (await site.Api.AnswerAsync(HttpMethod.Get, "/readyz")).Status);
    }

    [Fact]
    public async Task ATornTailOfTheLog_IsDropped_AndWhatWasAcknowledgedBeforeIsKept()
    {
        await using var site = Site.Empty();
        await site.StartServerAsync();
        var first = await site.Api.StartAsync(Flow, "first");
        var log = Path.Combine(site.Data, "journal.db-wal");
        // Until the run's first step is ready; nothing is written after that until somebody takes it.
        await site.Api.EventAsync(first, "splits_arrived", "start");
        var length = new FileInfo(log).Length;
        await site.Api.StartAsync(Flow, "torn");
        await site.Server.KillAsync();
        Assert.True(new FileInfo(log).Length > length + 100);
        using (var file = new FileStream(log, FileMode.Open)) file.SetLength(length + 100);

        await site.StartServerAsync();

        var runs = await site.Api.RunsAsync();
        Assert.Equal(first, Assert.Single(runs.Items).Run);
        site.StartWorker();
        await site.Api.SucceedRunAsync(first);
        Assert.True((await site.Api.StartDeployedAsync("kept", "torn")).New);
    }

    [Fact]
    public async Task ADamagedLog_WithAcknowledgedCommitsBehindIt_IsNotOverlooked()
    {
        await using var site = Site.Empty();
        await site.StartServerAsync();
        for (var i = 0; i < 5; i++) await site.Api.StartAsync(Flow, $"key {i}");
        await site.Server.KillAsync();
        Overwrite(Path.Combine(site.Data, "journal.db-wal"), 20_000);

        await RefusesAsync(site, "damaged", "backup", "journal.db-wal");
    }

    [Theory]
    [InlineData(0, "header")]
    [InlineData(3 * 4096, "pages")]
    public async Task ADamagedJournal_IsSaidClearly(int from, string what)
    {
        await using var site = Site.Empty();
        await site.StartServerAsync();
        await site.Api.StartAsync(Flow, what);
        site.Server.Terminate();
        Assert.Equal(0, await site.Server.ExitAsync(Eventually.Limit));
        Overwrite(Path.Combine(site.Data, "journal.db"), from);

        await RefusesAsync(site, "damaged", "backup", "recover");
    }

    [Fact]
    public async Task AJournalOfANewerRelease_IsLeftAlone()
    {
        await using var site = Site.Empty();
        await site.StartServerAsync();
        site.Server.Terminate();
        Assert.Equal(0, await site.Server.ExitAsync(Eventually.Limit));
        var python = System.Diagnostics.Process.Start("python3", ["-c",
            "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('INSERT INTO schema_version SELECT max(version) + 1, 0 FROM schema_version'); d.commit()",
            Path.Combine(site.Data, "journal.db")]);
        await python.WaitForExitAsync();
        Assert.Equal(0, python.ExitCode);

        await RefusesAsync(site, "schema version", "later");
    }

    private static async Task RefusesAsync(Site site, params string[] says)
    {
        var server = site.Serve();

        Assert.Equal(2, await server.ExitAsync(Eventually.Limit));
        Assert.StartsWith("error: ", server.Output, StringComparison.Ordinal);
        foreach (var part in says) Assert.Contains(part, server.Output, StringComparison.Ordinal);
        Assert.Contains(site.Data, server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", server.Output, StringComparison.Ordinal);
    }

    private static void Overwrite(string path, int from)
    {
        using var file = new FileStream(path, FileMode.Open);
        Assert.True(file.Length > from + 512);
        file.Position = from;
        file.Write(Enumerable.Repeat((byte)0xA5, 512).ToArray());
    }
}
