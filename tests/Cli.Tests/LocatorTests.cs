using Fanfare.Cli.Hosting;
using Fanfare.Worker;

namespace Fanfare.Cli.Tests;

public sealed class LocatorTests : IDisposable
{
    private readonly TestCli _cli = new();

    public LocatorTests() => _cli.Write("flow/flow.yaml", "name: report\n");

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task WithoutAServer_OneIsStarted_ForAsLongAsTheRunTakes()
    {
        var local = new LocalFake();
        _cli.LocalServer = local;

        // The default address is left out of the test: something may live there.
        var answer = await _cli.RunAsync("run", "flow/flow.yaml", "--data", "data");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Equal(Path.Combine(_cli.Directory, "data"), local.Options!.DataDirectory);
        Assert.Equal(("127.0.0.1", true, null), (local.Options.Host, local.Options.WithWorker, local.Options.Token));
        Assert.True(local.Stopped);
        Assert.Contains("Started a server at", answer.Error, StringComparison.Ordinal);
        Assert.Null(DataDirectory.ReadAddress(local.Options.DataDirectory));
    }

    [Fact]
    public async Task TheServerThatHoldsTheDataDirectory_IsUsed()
    {
        await using var server = await FakeServer.StartAsync();
        server.DataDirectory = Directory.CreateDirectory(Path.Combine(_cli.Directory, "data")).FullName;
        DataDirectory.WriteAddress(server.DataDirectory, server.Url);
        var local = new LocalFake();
        _cli.LocalServer = local;

        var answer = await _cli.RunAsync("run", "flow/flow.yaml", "--data", "data");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Null(local.Options);
        Assert.Single(server.Started);
    }

    [Fact]
    public async Task AStaleNote_OrOneOfAnotherDirectory_IsNotFollowed()
    {
        await using var server = await FakeServer.StartAsync();
        var data = Directory.CreateDirectory(Path.Combine(_cli.Directory, "data")).FullName;
        DataDirectory.WriteAddress(data, server.Url);
        var local = new LocalFake();
        _cli.LocalServer = local;

        var answer = await _cli.RunAsync("run", "flow/flow.yaml", "--data", "data");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.NotNull(local.Options);
        Assert.Empty(server.Started);
    }

    [Fact]
    public async Task ANamedServer_MustAnswer()
    {
        var local = new LocalFake();
        _cli.LocalServer = local;

        var answer = await _cli.RunAsync("run", "flow/flow.yaml", "--server", "127.0.0.1:1");

        Assert.Equal(ExitCode.Unreachable, answer.Exit);
        Assert.Null(local.Options);
    }

    [Fact]
    public async Task Detached_NeedsAServerThatStays()
    {
        _cli.LocalServer = new LocalFake();

        var answer = await _cli.RunAsync("run", "flow/flow.yaml", "--data", "data", "--detach");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("fanfare serve", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_AnnouncesItself_NotesItsAddress_AndStopsOnInterrupt()
    {
        var local = new LocalFake();
        _cli.LocalServer = local;
        var serving = _cli.RunAsync("serve", "--data", "data", "--port", "0", "--no-worker", "--json");
        await local.Started.Task.WaitAsync(TimeSpan.FromSeconds(30));
        _cli.Interrupts.Raise();

        var answer = await serving;

        Assert.Equal(ExitCode.Success, answer.Exit);
        Assert.Contains("\"process_id\":", answer.Out, StringComparison.Ordinal);
        Assert.False(local.Options!.WithWorker);
        Assert.True(local.Stopped);
        Assert.Null(DataDirectory.ReadAddress(local.Options.DataDirectory));
    }

    [Fact]
    public async Task Serve_ToldToStopWhileItStarts_StopsAsAtAnyTime()
    {
        var local = new NeverReady();
        _cli.LocalServer = local;
        var serving = _cli.Set("FANFARE_RETAIN", "30d").RunAsync("serve", "--data", "data", "--lease-term", "20", "--retain-tombstones", "12h", "--keep-blobs");
        await local.Started.Task.WaitAsync(TimeSpan.FromSeconds(30));
        _cli.Interrupts.Raise();

        var answer = await serving;

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Equal(TimeSpan.FromSeconds(20), local.Options!.LeaseTerm);
        Assert.Equal((TimeSpan.FromDays(30), TimeSpan.FromHours(12), true), (local.Options.Retention.Age, local.Options.Retention.Tombstones, local.Options.Retention.KeepBlobs));
    }

    [Fact]
    public async Task Worker_GetsItsServers_AndStopsOnInterrupt()
    {
        var worker = new WorkerFake();
        _cli.LocalWorker = worker;
        _cli.Interrupts.Raise();

        var answer = await _cli.RunAsync("worker", "--server", "http://a:1,b:2", "--queue", "gpu", "--slots", "3", "--name", "w9");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Equal(["http://a:1/", "http://b:2/"], worker.Options!.Servers.Select(s => s.ToString()));
        Assert.Equal(("w9", 3), (worker.Options.Name, worker.Options.Slots));
        Assert.Equal(["gpu"], worker.Options.Queues);
        Assert.Equal(Path.Combine(_cli.DataDirectory, "worker"), worker.Options.WorkDirectory);
    }

    [Fact]
    public async Task Worker_OffersWhatItIsTold_AndLeavesWhenItIsTold()
    {
        var worker = new WorkerFake();
        _cli.LocalWorker = worker;
        _cli.Interrupts.Raise();

        var answer = await _cli.RunAsync("worker", "--server", "http://a:1", "--slots", "2", "--memory", "1.5GiB", "--gpus", "0", "--leave-after", "1h30m");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Equal((2, 3L << 29, 0, TimeSpan.FromMinutes(90)), (worker.Options!.Slots, worker.Options.MemoryBytes, worker.Options.Gpus, worker.Options.LeaveAfter));
    }

    [Theory]
    [InlineData("--memory", "much", "512MiB")]
    [InlineData("--leave-after", "soon", "1h30m")]
    [InlineData("--gpus", "-1", "between 0 and 1000")]
    public async Task Worker_WithWhatIsNoSizeDurationOrNumber_IsRefused_WithWhatToWrite(string option, string value, string remedy)
    {
        _cli.LocalWorker = new WorkerFake();

        var answer = await _cli.RunAsync("worker", "--server", "http://a:1", $"{option}={value}");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains(value, answer.ToString(), StringComparison.Ordinal);
        Assert.Contains(remedy, answer.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, SpotMode.Auto)]
    [InlineData("auto", SpotMode.Auto)]
    [InlineData("on", SpotMode.On)]
    [InlineData("off", SpotMode.Off)]
    public async Task Worker_LooksOutForSpotInterruptions_AsItIsTold(string? mode, SpotMode expected)
    {
        var worker = new WorkerFake();
        _cli.LocalWorker = worker;
        _cli.Interrupts.Raise();

        var answer = await _cli.RunAsync(["worker", "--server", "http://a:1", .. mode is null ? (string[])[] : ["--spot", mode]]);

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Equal(expected, worker.Options!.Spot);
    }

    [Fact]
    public async Task Worker_WithAnyOtherMode_IsRefused()
    {
        _cli.LocalWorker = new WorkerFake();

        var answer = await _cli.RunAsync("worker", "--server", "http://a:1", "--spot", "maybe");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("maybe", answer.ToString(), StringComparison.Ordinal);
    }

    private sealed class LocalFake : ILocalServer
    {
        public LocalServerOptions? Options { get; private set; }

        public bool Stopped { get; private set; }

        public TaskCompletionSource Started { get; } = new();

        public async Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
        {
            Options = options;
            Directory.CreateDirectory(options.DataDirectory);
            var server = await FakeServer.StartAsync();
            Started.TrySetResult();
            return new Running(this, server);
        }

        private sealed class Running(LocalFake owner, FakeServer server) : IRunningServer
        {
            public Uri BaseUrl => server.Url;

            public Task Completion { get; } = new TaskCompletionSource().Task;

            public async ValueTask DisposeAsync()
            {
                await server.DisposeAsync();
                owner.Stopped = true;
            }
        }
    }

    private sealed class NeverReady : ILocalServer
    {
        public LocalServerOptions? Options { get; private set; }

        public TaskCompletionSource Started { get; } = new();

        public async Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
        {
            Options = options;
            Started.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException("It was not told to stop.");
        }
    }

    private sealed class WorkerFake : ILocalWorker
    {
        public LocalWorkerOptions? Options { get; private set; }

        public Task RunAsync(LocalWorkerOptions options, CancellationToken cancellationToken)
        {
            Options = options;
            Assert.True(cancellationToken.IsCancellationRequested);
            return Task.CompletedTask;
        }
    }
}
