namespace Fanfare.Storage.Tests.Sqlite;

/// <summary>A journal that was put back from a backup forgets what came after: it must not pass for the one that it was copied from.</summary>
public sealed class RestoreTests : IDisposable
{
    private readonly DataDirectory _directory = new(), _backup = new();
    private readonly List<string> _log = [];

    public void Dispose()
    {
        _directory.Dispose();
        _backup.Dispose();
    }

    [Fact]
    public async Task AJournalThatGoesOn_KeepsItsLife()
    {
        var lives = new List<string>();
        for (var start = 0; start < 4; start++) lives.Add(await LiveAsync($"r{start}"));

        Assert.Single(lives.Distinct());
        Assert.Empty(_log);
    }

    [Fact]
    public async Task ADirectoryThatIsReplacedByItsBackup_BeginsANewLife()
    {
        var first = await LiveAsync("r1");
        Copy(_directory, _backup);
        await LiveAsync("r2");
        Directory.Delete(_directory.Path, recursive: true);
        Directory.CreateDirectory(_directory.Path);
        Copy(_backup, _directory);

        var (renewed, after) = (await LiveAsync("r3"), await LiveAsync("r4"));

        Assert.NotEqual(first, renewed);
        Assert.Equal(renewed, after);
        Assert.Contains("is a copy of itself", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnOlderJournalThatIsWrittenOverTheFile_BeginsANewLife(bool inTheSameStart)
    {
        var store = await SqliteStore.OpenAsync(_directory.Path, TimeProvider.System, _log.Add);
        await DataDirectory.AppendAsync(store, "r1");
        using (var snapshot = _directory.Snapshot()) Copy(snapshot, _backup);
        await DataDirectory.AppendAsync(store, "r2");
        var first = store.Journal.Incarnation;
        await store.DisposeAsync();
        if (!inTheSameStart) await LiveAsync("r3");
        // The file stays the one that it was, and its mark stays too.
        foreach (var file in Directory.GetFiles(_backup.Path)) File.WriteAllBytes(Path.Combine(_directory.Path, Path.GetFileName(file)), File.ReadAllBytes(file));

        var renewed = await LiveAsync("r4");

        Assert.NotEqual(first, renewed);
        Assert.Single(_log);
    }

    [Fact]
    public async Task AJournalWhoseMarkIsGoneOrTorn_BeginsANewLife()
    {
        var first = await LiveAsync("r1");
        var mark = Path.Combine(_directory.Path, "journal.mark");
        File.WriteAllBytes(mark, File.ReadAllBytes(mark)[..^2]);
        var second = await LiveAsync("r2");
        File.Delete(mark);
        var third = await LiveAsync("r3");

        Assert.Equal(3, new[] { first, second, third }.Distinct().Count());
    }

    private static void Copy(DataDirectory from, DataDirectory to)
    {
        foreach (var file in Directory.GetFiles(from.Path)) File.Copy(file, Path.Combine(to.Path, Path.GetFileName(file)), overwrite: true);
    }

    private async Task<string> LiveAsync(string run)
    {
        await using var store = await SqliteStore.OpenAsync(_directory.Path, TimeProvider.System, _log.Add);
        await DataDirectory.AppendAsync(store, run);
        return store.Journal.Incarnation;
    }
}
