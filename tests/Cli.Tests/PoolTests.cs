using System.Text.Json;

namespace Fanfare.Cli.Tests;

public sealed class PoolTests : IAsyncLifetime, IDisposable
{
    private const string File = """
        name: gpu
        machine: {cpu: 8, memory: 32GiB}
        max: 3
        """;

    private FakeServer _server = null!;
    private TestCli _cli = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _cli = new TestCli(_server) { Clock = new Stopped() };
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Set_SendsTheFile_ToThePoolThatItNames()
    {
        _cli.Write("gpu.yaml", File);

        var made = await _cli.RunAsync("pool", "set", "gpu.yaml");
        var again = await _cli.RunAsync("pool", "set", "gpu.yaml");

        Assert.True(made.Exit == ExitCode.Success, made.ToString());
        Assert.Equal([("gpu", File), ("gpu", File)], _server.PoolsSet);
        Assert.Equal("Pool gpu is set, as version 1. What becomes of it: fanfare pool show gpu\n", made.Out);
        Assert.EndsWith("Pool gpu is unchanged: version 1.\n", again.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Set_TellsWhatIsWrong_WithItsPlace_AndSendsNothing()
    {
        _cli.Write("gpu.yaml", File + "\nspare: 5\nmachines: 4\n");

        var answer = await _cli.RunAsync("pool", "set", "gpu.yaml");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("error: The pool has 2 errors.", answer.Error, StringComparison.Ordinal);
        Assert.Contains("gpu.yaml:4:8: spare: It is 5 machines, and the pool has at most 3.\n  4 | spare: 5\n    |        ^\n  Lower it, or raise 'max'.", answer.Error, StringComparison.Ordinal);
        Assert.Contains("gpu.yaml:5:1: machines: 'machines' is no field of a pool.", answer.Error, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'machine'?", answer.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task Set_TellsWhatTheServerRefuses()
    {
        _cli.Write("gpu.yaml", File);
        _server.Answer("PUT /api/v1/pools/gpu", 400, """{"type":"/errors/FAN0001","title":"The request is not valid","status":400,"code":"FAN0001","detail":"provider: this server makes no machines of its own (local).","errors":[]}""");

        var answer = await _cli.RunAsync("pool", "set", "gpu.yaml");

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains("this server makes no machines of its own (local).", answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("none.yaml", "none.yaml cannot be read")]
    [InlineData(".", ". is a directory.\n  Name the pool's file, such as ./pool.yaml.")]
    public async Task Set_NeedsAFile(string file, string expected)
    {
        var answer = await _cli.RunAsync("pool", "set", file);

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains(expected, answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_ShowsHowManyMachinesThereAre_AndWhatKeepsThemFrom()
    {
        Assert.Equal("No pools. Make one with: fanfare pool set POOL.yaml\n", (await _cli.RunAsync("pool", "list")).Out);
        _server.Pools.AddRange([Gpu(), Gpu() with { Spec = Gpu().Spec with { Name = "old", Queues = [] }, Machines = [], Wanted = 0, DeletedAt = FakeServer.Start }]);

        var answer = await _cli.RunAsync("pool", "list");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.Contains("GET /api/v1/pools?limit=100", _server.Requests);
        Assert.Matches(@"(?m)^POOL +PROVIDER +QUEUES +MACHINES +WANTED +MAX +TASKS +STATE$", answer.Out);
        Assert.Matches(@"(?m)^gpu +ec2 +gpu train +1 starting, 2 busy, 1 ending +5 +20 +7 +It waits for 1 machine that is being launched\.$", answer.Out);
        Assert.Matches(@"(?m)^old +ec2 +all +none +0 +20 +0 +deleted$", answer.Out);
    }

    [Fact]
    public async Task Show_TellsOfEachMachine_AndWhy()
    {
        _server.Pools.Add(Gpu());

        var answer = await _cli.RunAsync("pool", "show", "gpu");

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.StartsWith("""
            gpu, ec2, version 4, by ada at 2026-01-31 09:00:00
              machines 1 starting, 2 busy, 1 ending; 5 wanted, of at most 20, at least 1, 2 spare
              each     7.5 cores, 30 GiB of memory, 1 GPU
              queues   gpu train
              ends     when idle for 5 m, or 1 d old, or not heard of 10 m after its launch
              launches fanfare-gpu:7: g6.2xlarge g6.4xlarge in eu-central-1a; 80 % spot for at most 0.40 USD an hour, on demand what spot does not give
              why      It waits for 1 machine that is being launched.
              why      Of g6.4xlarge there is no capacity␛[2J.

            """.ReplaceLineEndings("\n"), answer.Out, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^i-1 +busy +g6\.2xlarge +eu-central-1a +spot +4 +1 h 00 m$", answer.Out);
        Assert.Matches(@"(?m)^launch-3 +starting +- +- +on demand +0 +30 s$", answer.Out);
        Assert.Matches(@"(?m)^i-9 +ending +g6\.2xlarge +eu-central-1a +spot +0 +3 d 00 h +it was idle$", answer.Out);
    }

    [Fact]
    public async Task Show_TellsWhatMachinesNeed_AndThatItWasDeleted()
    {
        var needs = new MachineNeeds { VCpus = 8, MemoryMiB = 30720, Architecture = "x86_64", Gpus = 2 };
        _server.Pools.Add(Gpu() with
        {
            Spec = Gpu().Spec with { Queues = [], Min = 0, Spare = 0, Lifetime = null, Ec2 = new Ec2PoolSpec { Template = "t", Choices = [new MachineChoice("", Subnet: "subnet-0a1b")], Needs = needs } },
            Machines = [],
            Why = [],
            DeletedAt = FakeServer.Start,
        });

        var answer = await _cli.RunAsync("pool", "show", "gpu");

        Assert.Contains("  deleted  at 2026-01-31 09:00:00; its machines end with their last tasks\n  machines none; 5 wanted, of at most 20\n", answer.Out, StringComparison.Ordinal);
        Assert.Contains("  queues   all\n", answer.Out, StringComparison.Ordinal);
        Assert.EndsWith("  launches t: any with 8 vCPUs, 30 GiB, 2 GPUs, x86_64 in subnet-0a1b; on demand\n", answer.Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await _cli.RunAsync("pool", "show", "nobody")).Exit);
    }

    [Fact]
    public async Task Delete_SaysWhatBecomesOfItsMachines()
    {
        _server.Pools.Add(Gpu());

        var answer = await _cli.RunAsync("pool", "delete", "gpu");
        using var cli = new TestCli(_server);
        var again = await cli.RunAsync("pool", "delete", "gpu");

        Assert.Equal("Pool gpu is deleted. Its machines end with their last tasks; until then: fanfare pool show gpu\n", answer.Out);
        Assert.Equal("Pool gpu was deleted before.\n", again.Out);
        Assert.Equal(2, _server.Requests.Count(request => request == "DELETE /api/v1/pools/gpu"));
    }

    [Theory]
    [InlineData("pool set gpu.yaml", "version")]
    [InlineData("pool list", "items")]
    [InlineData("pool show gpu", "machines")]
    [InlineData("pool delete gpu", "version")]
    public async Task UnderJson_EachCommandPutsOutOneDocument(string line, string member)
    {
        _server.Pools.Add(Gpu());
        _cli.Write("gpu.yaml", File);

        var answer = await _cli.RunAsync([.. line.Split(' '), "--json"]);

        Assert.True(answer.Exit == ExitCode.Success, answer.ToString());
        Assert.True(JsonDocument.Parse(answer.Out).RootElement.TryGetProperty(member, out _), answer.ToString());
    }

    private sealed class Stopped : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => FakeServer.Start;
    }

    private static PoolInfo Gpu() => new(
        new PoolSpec
        {
            Name = "gpu",
            Provider = PoolProvider.Ec2,
            Queues = ["gpu", "train"],
            Machine = new ResourceSpec(7.5, 30L << 30, 1, 0),
            Min = 1,
            Max = 20,
            Spare = 2,
            Idle = TimeSpan.FromMinutes(5),
            Lifetime = TimeSpan.FromHours(24),
            Ec2 = new Ec2PoolSpec { Template = "fanfare-gpu:7", Choices = [new MachineChoice("g6.2xlarge", "eu-central-1a"), new MachineChoice("g6.4xlarge", "eu-central-1a")], SpotPercent = 80, MaxPrice = 0.40m },
        },
        4, new PoolSetting("ada", FakeServer.Start), null, 5,
        [
            new MachineInfo("i-1", MachineState.Busy, "g6.2xlarge", "eu-central-1a", CapacityKind.Spot, FakeServer.Start.AddHours(-1), 4, null),
            new MachineInfo("i-2", MachineState.Busy, "g6.2xlarge", "eu-central-1a", CapacityKind.Spot, FakeServer.Start.AddHours(-1), 3, null),
            new MachineInfo("launch-3", MachineState.Starting, "", "", CapacityKind.OnDemand, FakeServer.Start.AddSeconds(-30), 0, null),
            new MachineInfo("i-9", MachineState.Ending, "g6.2xlarge", "eu-central-1a", CapacityKind.Spot, FakeServer.Start.AddDays(-3), 0, "it was idle"),
        ],
        ["It waits for 1 machine that is being launched.", "Of g6.4xlarge there is no capacity\u001b[2J."]);
}
