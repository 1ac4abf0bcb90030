using System.Globalization;
using Fanfare.Postgres;
using Fanfare.Processes;

namespace Fanfare.Cluster.Failing;

/// <summary>Silos that find each other elsewhere than in PostgreSQL, and what is said when they cannot be.</summary>
public sealed class MembershipTests
{
    private const string Flow = "name: one\nsteps: {start: {run: [\"true\"]}}\n";

    [DynamoDbFact]
    public async Task SilosInDynamoDb_FindEachOther_AndMissOneThatIsKilled()
    {
        await using var dynamo = await DynamoDbServer.StartAsync();
        await using var site = await SiloSite.StartAsync(silos: 2, ["--membership", "dynamodb:fanfare-silos"], dynamo.Environment);
        await using var crowd = new Crowd(site.Silos, workers: 2, capacity: 4, each: TimeSpan.Zero);
        foreach (var silo in site.Silos) await silo.Api.SucceedAsync(Flow);

        await site.Silos[0].Process.KillAsync();
        await site.SharedAsync(without: site.Silos[0]);
        for (var i = 0; i < 4; i++) await site.Silos[1].Api.SucceedAsync(Flow);
        await site.StartAsync(site.Silos[0]);
        await site.SharedAsync();

        foreach (var silo in site.Silos) await silo.Api.SucceedAsync(Flow);
    }

    [PostgresFact]
    public async Task SilosOnOneMachine_FindEachOtherAtTheFirst()
    {
        var first = Api.FreePort();
        await using var site = new SilosByPort(await PrivatePostgres.StartAsync(), first);
        await site.StartAsync();
        await Eventually.TrueAsync(async () => (await site.Apis[0].NodesAsync()).Count == 2, "Both silos");
    }

    [PostgresFact]
    public async Task WhatASiloLacks_IsSaidClearly()
    {
        using var home = new Home();
        var noDatabase = home.Silo("--blobs", "b");
        var noBlobs = home.Silo("--database", "Host=127.0.0.1;Database=none");
        var noPlace = home.Silo("--database", "Host=127.0.0.1;Database=none", "--blobs", "b", "--membership", "consul");
        var noAddress = home.Silo("--database", "Host=127.0.0.1;Database=none", "--blobs", "b", "--silo", "0.0.0.0:11111");
        var noServer = home.Silo("--database", string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Api.FreePort()};Database=none;Username=none"), "--blobs", "b", "--port", "0");

        foreach (var (process, said) in ((FanfareProcess, string)[])[(noDatabase, "FANFARE_DATABASE"), (noBlobs, "FANFARE_BLOBS"), (noPlace, "'postgresql', 'dynamodb:TABLE' or 'localhost:PORT'"), (noAddress, "Write the IP address"), (noServer, "Check that PostgreSQL runs there")])
        {
            Assert.Equal(2, await process.ExitAsync(Eventually.Limit));
            Assert.Contains(said, process.Output, StringComparison.Ordinal);
        }
    }

    private sealed class Home : IDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("fanfare-silo-").FullName;
        private readonly List<FanfareProcess> _processes = [];

        public FanfareProcess Silo(params string[] arguments)
        {
            _processes.Add(FanfareProcess.Start(_directory, ["silo", "--data", Path.Combine(_directory, "data"), .. arguments]));
            return _processes[^1];
        }

        public void Dispose()
        {
            foreach (var process in _processes) process.Dispose();
            Directory.Delete(_directory, recursive: true);
        }
    }

    private sealed class SilosByPort(PrivatePostgres postgres, int first) : IAsyncDisposable
    {
        private readonly Home _home = new();

        public List<Api> Apis { get; } = [];

        public async Task StartAsync()
        {
            var database = await postgres.CreateDatabaseAsync();
            foreach (var silo in (int[])[first, Api.FreePort()])
            {
                var port = Api.FreePort();
                Apis.Add(new Api(port));
                var process = _home.Silo("--database", database, "--blobs", "b", "--port", $"{port}", "--silo", $"127.0.0.1:{silo}", "--membership", $"localhost:{first}", "--no-worker");
                await Apis[^1].ReadyAsync(process);
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var api in Apis) api.Dispose();
            _home.Dispose();
            await postgres.DisposeAsync();
        }
    }
}
