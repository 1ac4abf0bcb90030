namespace Fanfare.Gateway.Tests;

/// <summary>The same calls against the stock metadata service and this gateway. The stock service's answers (its release 2.5.1) are kept in a file; where a service runs, it is asked anew, and drawn calls as well.</summary>
public sealed class MetaflowDifferentialTests
{
    /// <summary>URL of a running stock service, in whose database the test may leave flows.</summary>
    private const string Service = "FANFARE_METAFLOW_SERVICE";

    /// <summary>When set, the answers of that service replace the kept ones.</summary>
    private const string Record = "FANFARE_METAFLOW_RECORD";

    private static string Kept => Repository.Path("tests/Gateway.Tests/Metaflow/stock-2.5.1.txt");

    [Fact]
    public async Task TheKeptAnswersOfTheStockService_AreThisGatewaysToo()
    {
        await using var server = await Server.StartAsync();
        var ours = new MetaflowPlayer(server.Client, "/metaflow");
        var kept = Parse(await File.ReadAllTextAsync(Kept));
        Assert.Equal(MetaflowScript.Calls.Count, kept.Length);

        for (var i = 0; i < kept.Length; i++) await AgreeAsync(MetaflowScript.Calls[i], Status(kept[i]), kept[i], ours);
    }

    [StockServiceFact]
    public async Task ARunningStockService_StillAnswersAsItIsKept()
    {
        using var client = Client();
        var stock = new MetaflowPlayer(client, "");
        var answers = new List<string>();
        foreach (var call in MetaflowScript.Calls) answers.Add((await stock.PlayAsync(call)).Text);

        if (Environment.GetEnvironmentVariable(Record) is not null) await File.WriteAllTextAsync(Kept, string.Join("\n\n", answers) + "\n");
        Assert.Equal(Parse(await File.ReadAllTextAsync(Kept)), answers.Select(answer => answer.TrimEnd('\n')));
    }

    [StockServiceTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task DrawnCalls_AreAnsweredAlike(int seed)
    {
        using var client = Client();
        await using var server = await Server.StartAsync();
        var (stock, ours) = (new MetaflowPlayer(client, ""), new MetaflowPlayer(server.Client, "/metaflow"));

        foreach (var call in MetaflowScript.Calls.Concat(MetaflowScript.Draw(new Random(seed), 400)))
        {
            var (status, text) = await stock.PlayAsync(call);
            await AgreeAsync(call, status, text.TrimEnd('\n'), ours);
        }
    }

    private static async Task AgreeAsync(MetaflowCall call, int stockStatus, string stock, MetaflowPlayer player)
    {
        var (status, text) = await player.PlayAsync(call);
        // What is marked is where the stock service fails, or refuses a heartbeat for coming early.
        if (call.Ours is { } better && stockStatus is >= 500 or 404)
            Assert.True(status == better, $"{call}: {status}, not {better}");
        else
            Assert.Equal(stock, text.TrimEnd('\n'));
    }

    private static HttpClient Client() => new() { BaseAddress = new Uri(Environment.GetEnvironmentVariable(Service)!) };

    private static string[] Parse(string kept) => kept.TrimEnd('\n').Split("\n\n");

    private static int Status(string answer) => int.Parse(answer.Split("\n< ")[1][..3], System.Globalization.CultureInfo.InvariantCulture);

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class StockServiceFactAttribute : FactAttribute
    {
        public StockServiceFactAttribute() => Skip = Environment.GetEnvironmentVariable(Service) is null ? $"{Service} names no running metadata service of Metaflow's own." : null;
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class StockServiceTheoryAttribute : TheoryAttribute
    {
        public StockServiceTheoryAttribute() => Skip = Environment.GetEnvironmentVariable(Service) is null ? $"{Service} names no running metadata service of Metaflow's own." : null;
    }
}
