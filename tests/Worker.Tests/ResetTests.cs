using Fanfare.Contracts;
using Fanfare.Worker.Gateways;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

public sealed class ResetTests
{
    private const int Polls = 2000;

    [Fact]
    public async Task AConnectionThatIsResetAsItIsMade_IsAFailureOfTheGateway()
    {
        await using var resetting = new ResettingServer();
        var log = new LogBook();
        var servers = new ServerList([resetting.Address], "w", TimeProvider.System, log);
        using var client = new GatewayClient(servers, null, TimeProvider.System);
        var server = await servers.NextAsync(CancellationToken.None);
        var request = new PollRequest { Worker = "w", Boot = "b", Sequence = 1, WaitMs = 0, Capacity = ResourceSpec.Default, Free = ResourceSpec.Default, MaxLeases = 1, Queues = [], Finished = [], Held = [] };

        // The moment is a narrow one: many connections at once, so that some are reset before anybody looks at them.
        var answers = await Task.WhenAll(Enumerable.Range(0, Polls).Select(_ => Task.Run(() => client.PollAsync(server, request, TimeSpan.FromSeconds(20), CancellationToken.None))));

        Assert.All(answers, Assert.Null);
        Assert.NotEmpty(log.Lines);
    }
}
