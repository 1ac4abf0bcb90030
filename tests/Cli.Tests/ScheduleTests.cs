using System.Text.Json;

namespace Fanfare.Cli.Tests;

public sealed class ScheduleTests : IAsyncLifetime, IDisposable
{
    private FakeServer _server = null!;
    private TestCli _cli = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _cli = new TestCli(_server);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _cli.Dispose();

    // What somebody has set is neither rounded nor more exact than it was said.
    [Theory]
    [InlineData("00:00:05", "every 5 s")]
    [InlineData("00:00:01.5", "every 1.5 s")]
    [InlineData("00:00:45", "every 45 s")]
    [InlineData("00:15:00", "every 15 m")]
    [InlineData("01:30:00", "every 1 h 30 m")]
    [InlineData("1.00:00:00", "every 1 d")]
    [InlineData("10.02:00:01", "every 10 d 2 h 1 s")]
    public async Task AnInterval_IsSaidAsItWasSet(string every, string expected)
    {
        var schedule = View(new ScheduleSpec { Name = "often", Every = TimeSpan.Parse(every, System.Globalization.CultureInfo.InvariantCulture) });
        _server.Answer("GET /api/v1/schedules", 200, JsonSerializer.Serialize(new ListResponse<ScheduleView>([schedule], null), ContractsJson.Default.ListResponseScheduleView), "application/json");
        _server.Answer("GET /api/v1/flows/report/schedules/often", 200, JsonSerializer.Serialize(schedule, ContractsJson.Default.ScheduleView), "application/json");

        var list = await _cli.RunAsync("schedule", "list");
        using var other = new TestCli(_server);
        var shown = await other.RunAsync("schedule", "show", "report", "often");

        Assert.Matches($@"report +often +{expected} +2026", list.Out);
        Assert.Contains($"report often, {expected}, of deployment 3", shown.Out, StringComparison.Ordinal);
    }

    private static ScheduleView View(ScheduleSpec spec) => new("report", spec.Name, FakeServer.Start, new ScheduleStanding(3, spec, FakeServer.Start, null, [], 0, 0, null, null, null, null, 0, 0));
}
