using Fanfare.Worker.Processes;
using Fanfare.Worker.Tests.Fakes;
using Fanfare.Worker.Warm;

namespace Fanfare.Worker.Tests;

/// <summary>A fork server that is closed while tasks still ask it for a child: they are sent to another.</summary>
public sealed class WarmServerTests : IDisposable
{
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(10);

    private readonly string _root = Directory.CreateTempSubdirectory("fanfare-warm-").FullName;
    private readonly string _setsid = ProcessGroup.FindSetsid();
    private readonly LiveGroups _live;

    // The guard, which outlives a test, ends whatever has its mark.
    public WarmServerTests() => _live = new LiveGroups(In("live"), Guid.NewGuid().ToString("N"), _setsid, new LogBook());

    public void Dispose()
    {
        _live.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task AForkOfAServerThatIsClosed_IsToldSo()
    {
        var server = Start();
        await server.Ready;
        server.Dispose();

        var cold = await Assert.ThrowsAsync<ColdException>(() => server.ForkAsync(Group(""), null, CancellationToken.None));

        Assert.True(cold.ServerIsBroken);
    }

    [Fact]
    public async Task AForkThatWaits_IsToldAtOnce_WhenItsServerIsClosed()
    {
        var file = In("asked");
        // It takes the request, and does not fork.
        var server = Start($"""
            def hold(requests):
                for line in requests:
                    open("{file}", "w").write("%d\n" % os.getpid())
                    signal.pause()
                    yield line
            requests = hold(requests)
            """);
        await server.Ready;
        var fork = server.ForkAsync(Group(""), null, CancellationToken.None);
        await Procs.PidFromAsync(file);

        server.Dispose();

        var cold = await Assert.ThrowsAsync<ColdException>(() => fork.WaitAsync(_soon));
        Assert.True(cold.ServerIsBroken);
    }

    private WarmServer Start(string load = "") => WarmServer.Start(_setsid, Group(load), _live, _ => { });

    private GroupCommand Group(string load) => new(
        ForkServer.Command, _root, new Dictionary<string, string> { ["PATH"] = Environment.GetEnvironmentVariable("PATH")!, ["DO"] = load, ["FANFARE_MARK"] = _live.MarkOf(1) }, In("exec-failed"), "");

    private string In(string name) => Path.Combine(_root, name);
}
