using Fanfare.Pools.Local;

namespace Fanfare.Pools.Tests.Local;

/// <summary>Files that a disk, or somebody, damaged.</summary>
public sealed class LocalFilesTests
{
    [Theory]
    [InlineData("{\"prefix\": \"cp")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData(null)]
    public async Task ALaunchWhoseFileIsDamaged_IsNotRepeated_AndItsMachinesAreListedAndEnded(string? text)
    {
        await using var stage = new LocalStage();
        var instance = await stage.LaunchOneAsync();
        Damage(stage.Of(instance, "launch.json"), text);

        stage.Restart();
        var refused = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.LaunchAsync(stage.Request(), CancellationToken.None));

        Assert.False(refused.IsPassing);
        Assert.Contains("launch.json", refused.Message, StringComparison.Ordinal);
        Assert.Contains("launch.json", Assert.Single(stage.Log), StringComparison.Ordinal);
        Assert.Equal(InstanceState.Running, (await stage.ListedAsync(instance)).State);
        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);
        Assert.Single(stage.Started);
    }

    [Theory]
    [InlineData("{\"id\": \"cp")]
    [InlineData(null)]
    public async Task AMachineWhoseFileIsDamaged_IsFoundByItsMark(string? text)
    {
        await using var stage = new LocalStage();
        var instance = await stage.LaunchOneAsync();
        var pid = stage.PidOf(instance);
        Damage(stage.Of(instance, "0.json"), text);

        stage.Restart();
        var again = await stage.Provider.LaunchAsync(stage.Request(), CancellationToken.None);

        Assert.Equal(instance.Id, Assert.Single(again.Instances).Id);
        Assert.Equal((pid, InstanceState.Running), (stage.PidOf(instance), (await stage.ListedAsync(instance)).State));
        Assert.Contains("by its mark", Assert.Single(stage.Log), StringComparison.Ordinal);
        Assert.Single(stage.Started);
        await stage.Provider.TerminateAsync([instance.Id], CancellationToken.None);
        await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);
    }

    [Theory]
    [InlineData("{\"id\": \"cp")]
    [InlineData(null)]
    public async Task AMachineWhoseFileIsDamaged_AndWhoseProcessIsGone_HasEnded_AndIsNotMadeAnew(string? text)
    {
        await using var stage = new LocalStage("exit 0");
        var instance = await stage.LaunchOneAsync();
        await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);
        Damage(stage.Of(instance, "0.json"), text);

        stage.Restart();
        var again = await stage.Provider.LaunchAsync(stage.Request(), CancellationToken.None);

        Assert.Equal(instance.Id, Assert.Single(again.Instances).Id);
        Assert.Equal((InstanceState.Ended, "its process is gone"), ((await stage.ListedAsync(instance)).State, (await stage.ListedAsync(instance)).Ended));
        Assert.Single(stage.Started);
        Assert.Single(stage.Swept);
    }

    [Fact]
    public async Task AWorkerWhoseFilesSomebodyRemoved_IsEnded()
    {
        await using var stage = new LocalStage();
        var instance = await stage.LaunchOneAsync();
        var pid = stage.PidOf(instance);
        Directory.Delete(stage.Of(instance, ""), recursive: true);

        stage.Restart();
        Assert.Empty(await stage.Provider.ListAsync(CancellationToken.None));

        await LocalStage.UntilAsync(() => new ProcessTable().Read(pid) is not { IsLive: true }, "it ends");
        Assert.Contains(instance.Id, Assert.Single(stage.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsNotOfLaunches_IsLeftAlone_AndADamagedIdIsReplaced()
    {
        await using var stage = new LocalStage();
        var instance = await stage.LaunchOneAsync();
        var launches = Path.Combine(stage.Options.Directory, "launches");
        Directory.CreateDirectory(Path.Combine(launches, "lost+found"));
        await File.WriteAllTextAsync(Path.Combine(launches, "notes"), "mine");
        await File.WriteAllTextAsync(stage.Of(instance, "0.json.new"), "{");
        await File.WriteAllTextAsync(stage.Of(instance, "99999999999.json"), "{");
        Directory.CreateDirectory(Path.Combine(launches, new string('a', 40)));
        var pid = stage.PidOf(instance);
        await File.WriteAllTextAsync(Path.Combine(stage.Options.Directory, "id"), "x");

        stage.Restart();
        Assert.Equal(InstanceState.Running, Assert.Single(await stage.Provider.ListAsync(CancellationToken.None)).State);

        Assert.True(File.Exists(Path.Combine(launches, "notes")));
        Assert.True(Directory.Exists(Path.Combine(launches, "lost+found")));
        // Whoever began that one died before it was noted.
        Assert.False(Directory.Exists(Path.Combine(launches, new string('a', 40))));
        Assert.Matches("^[0-9a-f]{16}$", await File.ReadAllTextAsync(Path.Combine(stage.Options.Directory, "id")));
        ProcessTable.Signal(-pid, ProcessTable.SigKill);
        await stage.UntilAsync(instance, i => i.State == InstanceState.Ended);
    }

    [Fact]
    public async Task ADirectoryThatCannotBeUsed_IsAnErrorThatMayPass_AndSaysWhatToDo()
    {
        await using var stage = new LocalStage();
        await File.WriteAllTextAsync(stage.Options.Directory, "in the way");

        var refused = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.ListAsync(CancellationToken.None));
        File.Delete(stage.Options.Directory);

        Assert.True(refused.IsPassing);
        Assert.Contains(stage.Options.Directory, refused.Message, StringComparison.Ordinal);
        Assert.Empty(await stage.Provider.ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task LaunchesWhoseTokensBeginAlike_HaveDifferentIds()
    {
        await using var stage = new LocalStage();
        var token = LaunchToken.Of(stage.Request());
        var alike = token[..8] + new string('0', 32);
        var files = new LocalFiles(stage.Options.Directory);
        files.Write(alike, new LaunchFile($"cpu-{token[..8]}", stage.Request(id: "l-0")));
        files.Write(alike, 0, new InstanceFile { Id = $"cpu-{token[..8]}-0", Cluster = LocalStage.Cluster, Pool = "cpu", Pid = 2, StartTime = 1, Boot = "former", LaunchedAt = stage.Clock.Start, Labels = new Dictionary<string, string>(), GoneAt = stage.Clock.Start, Ended = "its process is gone", IsSwept = true });

        var instance = await stage.LaunchOneAsync();

        Assert.Equal($"cpu-{token[..12]}-0", instance.Id);
        Assert.Equal(2, (await stage.Provider.ListAsync(CancellationToken.None)).Count);
    }

    private static void Damage(string path, string? text)
    {
        if (text is null) File.Delete(path);
        else File.WriteAllText(path, text);
    }
}
