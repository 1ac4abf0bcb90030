using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

public sealed class PackageTests
{
    [Fact]
    public async Task APackage_IsFetchedOnce_AndTasksRunInIt()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var digest = Put(gateway, t =>
        {
            Add(t, "./src/", TarEntryType.Directory);
            Add(t, "./src/main.sh", TarEntryType.RegularFile, "#!/bin/sh\necho \"{\\\"cwd\\\": \\\"$(basename $(pwd))\\\", \\\"data\\\": \\\"$(cat link)\\\"}\" > $FANFARE_OUTPUT\n", executable: true);
            Add(t, "./data.txt", TarEntryType.RegularFile, "42");
            Add(t, "./src/link", TarEntryType.SymbolicLink, target: "../data.txt");
        });
        var leases = Enumerable.Range(0, 6).Select(_ => A.Task("", s => s with { Run = new CommandSpec(["./main.sh"], null), Workdir = "src" }, l => l with { Package = digest })).ToArray();

        gateway.Offer(leases);
        foreach (var lease in leases)
            Assert.Equal("""{"cwd": "src", "data": "42"}""", (await gateway.FinishedAsync(lease.Token)).Output);

        Assert.Equal(1, gateway.PackageGets[digest]);
    }

    [Fact]
    public async Task TheCache_OutlivesTheWorker_AndDropsTheLeastRecentlyUsed()
    {
        await using var gateway = await FakeGateway.StartAsync();
        var shared = Directory.CreateTempSubdirectory("fanfare-cache-").FullName;
        try
        {
            var first = Put(gateway, t => Add(t, "f", TarEntryType.RegularFile, new string('1', 3000)));
            var second = Put(gateway, t => Add(t, "f", TarEntryType.RegularFile, new string('2', 3000)));
            var third = Put(gateway, t => Add(t, "f", TarEntryType.RegularFile, new string('3', 3000)));
            await using (var worker = new TestWorker([gateway], o => o with { WorkDirectory = shared, PackageCacheBytes = 7000 }))
            {
                foreach (var digest in (string[])[first, second, first, third]) await RunWithAsync(gateway, digest);
                Assert.Equal((1, 1, 1), (gateway.PackageGets[first], gateway.PackageGets[second], gateway.PackageGets[third]));
                Assert.False(Directory.Exists(Path.Combine(shared, "packages", second)));
            }
            await using (var worker = new TestWorker([gateway], o => o with { WorkDirectory = shared, PackageCacheBytes = 7000 }))
            {
                await gateway.UntilAsync(() => gateway.Polls[^1].Boot == worker.Agent.Boot, "the second worker's first poll");
                await RunWithAsync(gateway, first);
                await RunWithAsync(gateway, second);
            }
            Assert.Equal((1, 2, 1), (gateway.PackageGets[first], gateway.PackageGets[second], gateway.PackageGets[third]));
        }
        finally
        {
            Directory.Delete(shared, recursive: true);
        }
    }

    [Theory]
    [InlineData("../evil", TarEntryType.RegularFile, null, "'..'")]
    [InlineData("a/../../evil", TarEntryType.RegularFile, null, "'..'")]
    [InlineData("/tmp/fanfare-evil", TarEntryType.RegularFile, null, "relative")]
    [InlineData("out", TarEntryType.SymbolicLink, "..", "leaves the package")]
    [InlineData("out", TarEntryType.SymbolicLink, "/etc", "relative")]
    [InlineData("out", TarEntryType.HardLink, "/etc/passwd", "relative")]
    [InlineData("fifo", TarEntryType.Fifo, null, "Fifo")]
    public async Task AnEvilEntry_FailsTheAttempt_AndWritesNothingOutside(string name, TarEntryType type, string? target, string words)
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var digest = Put(gateway, t => Add(t, name, type, type == TarEntryType.RegularFile ? "evil" : null, target: target));

        var end = await RunWithAsync(gateway, digest);

        Assert.Equal(AttemptOutcome.Failed, end.Outcome);
        Assert.Equal("start_failed", end.Error!.Type);
        Assert.Contains(words, end.Error.Message);
        Assert.False(File.Exists("/tmp/fanfare-evil"));
        Assert.Empty(Directory.EnumerateFiles(worker.Root, "*evil*", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(worker.Root, "work", "packages")));
    }

    [Fact]
    public async Task AFileBehindALinkOfThePackage_IsRefused()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var digest = Put(gateway, t =>
        {
            Add(t, "d/", TarEntryType.Directory);
            Add(t, "l", TarEntryType.SymbolicLink, target: "d");
            Add(t, "l/x", TarEntryType.RegularFile, "x");
        });

        Assert.Contains("behind a link", (await RunWithAsync(gateway, digest)).Error!.Message);
    }

    [Fact]
    public async Task APackageThatIsNotWhatItsDigestSays_IsRefused_AndAMissingOneLosesTheAttempt()
    {
        await using var gateway = await FakeGateway.StartAsync();
        await using var worker = new TestWorker([gateway]);
        var digest = new string('a', 64);
        gateway.Packages[digest] = [1, 2, 3];

        var wrong = await RunWithAsync(gateway, digest);
        var missing = await RunWithAsync(gateway, new string('b', 64));

        Assert.Equal("start_failed", wrong.Error!.Type);
        Assert.Equal(AttemptOutcome.Lost, missing.Outcome);
    }

    private static async Task<FinishedAttempt> RunWithAsync(FakeGateway gateway, string digest)
    {
        var lease = A.Task("true", null, l => l with { Package = digest });
        gateway.Offer(lease);
        return await gateway.FinishedAsync(lease.Token);
    }

    private static string Put(FakeGateway gateway, Action<TarWriter> fill)
    {
        using var buffer = new MemoryStream();
        using (var zip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(zip, TarEntryFormat.Pax))
            fill(tar);
        var bytes = buffer.ToArray();
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        gateway.Packages[digest] = bytes;
        return digest;
    }

    private static void Add(TarWriter tar, string name, TarEntryType type, string? content = null, string? target = null, bool executable = false)
    {
        var entry = new PaxTarEntry(type, name);
        if (content is not null) entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
        if (target is not null) entry.LinkName = target;
        if (executable) entry.Mode |= UnixFileMode.UserExecute;
        tar.WriteEntry(entry);
    }
}
