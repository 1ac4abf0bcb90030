using System.Formats.Tar;
using System.IO.Compression;
using Fanfare.Cli.Packaging;

namespace Fanfare.Cli.Tests;

public sealed class PackageTests : IDisposable
{
    private readonly TestCli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void TheSameFiles_GiveTheSameBytes_WhateverTheirTimesAndOrder()
    {
        _cli.Write("one/flow.yaml", "a");
        _cli.Write("one/lib/b.py", "b");
        _cli.Write("two/lib/b.py", "b");
        _cli.Write("two/flow.yaml", "a");
        File.SetLastWriteTimeUtc(Path.Combine(_cli.Directory, "two/flow.yaml"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));

        var one = Package("one");
        var two = Package("two");

        Assert.Equal(one.Digest, two.Digest);
        Assert.True(one.Content.Span.SequenceEqual(two.Content.Span));
        Assert.Matches("^[0-9a-f]{64}$", one.Digest);
    }

    [Fact]
    public void AChangedByte_AndAChangedMode_ChangeTheDigest()
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("Modes of files are Unix's.");
        var file = _cli.Write("f/run.sh", "echo 1");
        var plain = Package("f").Digest;
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var executable = Package("f").Digest;
        File.WriteAllText(file, "echo 2");

        Assert.Equal(3, new HashSet<string> { plain, executable, Package("f").Digest }.Count);
    }

    [Fact]
    public void EntriesAreSorted_WithFixedTimesAndOwners()
    {
        foreach (var name in (string[])["b/z", "b.txt", "a", "b/a"]) _cli.Write($"f/{name}", "x");

        var entries = Entries(Package("f"));

        Assert.Equal(["a", "b.txt", "b/a", "b/z"], entries.Select(e => e.Name));
        Assert.All(entries, e => Assert.Equal((DateTimeOffset.UnixEpoch, 0, 0), (e.ModificationTime, e.Uid, e.Gid)));
    }

    [Fact]
    public void HiddenFiles_Caches_AndModules_StayOut()
    {
        foreach (var name in (string[])[".git/config", ".env", "__pycache__/x.pyc", "node_modules/m/i.js", "src/__pycache__/y.pyc", "flow.yaml", "src/a.py", "old.pyc"])
            _cli.Write($"f/{name}", "x");

        Assert.Equal(["flow.yaml", "src/a.py"], Names("f"));
    }

    [Fact]
    public void TheIgnoreFile_LeavesOut_AndTakesInAgain()
    {
        foreach (var name in (string[])["flow.yaml", "data/big.csv", "data/small.csv", "models/a.bin", "src/models/b.bin", "x.log", "src/y.log", ".env"])
            _cli.Write($"f/{name}", "x");
        _cli.Write("f/.fanfareignore", "# large things\n*.log\n/models/\ndata/*\n!data/small.csv\n!.env\n");

        Assert.Equal([".env", "data/small.csv", "flow.yaml", "src/models/b.bin"], Names("f"));
    }

    [Theory]
    [InlineData("*.csv", "a/b.csv", false, true)]
    [InlineData("a/*.csv", "a/b.csv", false, true)]
    [InlineData("a/*.csv", "c/a/b.csv", false, false)]
    [InlineData("**/tmp", "x/y/tmp", true, true)]
    [InlineData("a/**/z", "a/z", false, true)]
    [InlineData("a/**/z", "a/b/c/z", false, true)]
    [InlineData("build/", "build", false, false)]
    [InlineData("build/", "x/build", true, true)]
    [InlineData("d?.txt", "d1.txt", false, true)]
    [InlineData("d?x.txt", "d/x.txt", false, false)]
    [InlineData("[x]", "[x]", false, true)]
    [InlineData("\\#x", "#x", false, true)]
    [InlineData("#x", "#x", false, false)]
    public void Patterns_MatchAsInGitignore(string pattern, string path, bool directory, bool ignored) =>
        Assert.Equal(ignored, IgnoreRules.Of([pattern]).Ignores(path, directory));

    [Fact]
    public void TheDataDirectory_StaysOut_WhereverItLies()
    {
        _cli.Write("f/flow.yaml", "x");
        _cli.Write("f/data/journal.db", "x");

        var package = FlowPackage.Create(Path.Combine(_cli.Directory, "f"), Path.Combine(_cli.Directory, "f", "data"), 1 << 20, CancellationToken.None);

        Assert.Equal(["flow.yaml"], Entries(package).Select(e => e.Name));
    }

    [Fact]
    public void Links_AreFollowed_ButNotInCircles_NorIntoTheVoid()
    {
        _cli.Write("shared/lib.py", "x");
        _cli.Write("f/flow.yaml", "x");
        Directory.CreateSymbolicLink(Path.Combine(_cli.Directory, "f", "lib"), "../shared");
        Directory.CreateSymbolicLink(Path.Combine(_cli.Directory, "f", "self"), ".");
        File.CreateSymbolicLink(Path.Combine(_cli.Directory, "f", "gone"), "nowhere");
        File.CreateSymbolicLink(Path.Combine(_cli.Directory, "f", "one.py"), "../shared/lib.py");

        Assert.Equal(["flow.yaml", "lib/lib.py", "one.py"], Names("f"));
        Assert.Equal(1, Entries(Package("f")).Single(e => e.Name == "one.py").Length);
    }

    [Fact]
    public void APackageOverTheLimit_NamesTheLargestFiles_AndTheRemedy()
    {
        _cli.Write("f/flow.yaml", "x");
        var noise = new byte[100_000];
        new Random(1).NextBytes(noise);
        File.WriteAllBytes(Path.Combine(_cli.Directory, "f", "model.bin"), noise);

        var error = Assert.Throws<CommandException>(() => FlowPackage.Create(Path.Combine(_cli.Directory, "f"), null, 50_000, CancellationToken.None));

        Assert.Contains("model.bin (97.7 KiB)", error.Message, StringComparison.Ordinal);
        Assert.Contains(".fanfareignore", error.Remedy, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, error.Code);
    }

    private FlowPackage Package(string directory) => FlowPackage.Create(Path.Combine(_cli.Directory, directory), null, 1 << 20, CancellationToken.None);

    private IEnumerable<string> Names(string directory) => Entries(Package(directory)).Select(e => e.Name);

    private static List<TarEntry> Entries(FlowPackage package)
    {
        using var tar = new TarReader(new GZipStream(new MemoryStream(package.Content.ToArray()), CompressionMode.Decompress));
        var entries = new List<TarEntry>();
        while (tar.GetNextEntry(copyData: true) is { } entry) entries.Add(entry);
        return entries;
    }
}
