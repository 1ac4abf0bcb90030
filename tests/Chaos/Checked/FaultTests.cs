using Fanfare.Chaos.Faults;
using Fanfare.Chaos.Sites;
using Fanfare.Chaos.Workload;

namespace Fanfare.Chaos.Checked;

/// <summary>The faults that depend on the machine do what they are called, where the machine lets them.</summary>
public sealed class FaultTests
{
    [ClockFact]
    public Task TheServersClock_IsSetWhileItRuns() => OnServerAsync(async (site, client) =>
    {
        await client.AskAsync(HttpMethod.Get, "/healthz", null, default);

        site.Clock!.Set(3600);
        await client.AskAsync<DeployResponse>(HttpMethod.Post, "/api/v1/flows", new { source = "name: later\nsteps: {start: {run: [\"true\"]}}\n" }, default);
        site.Clock.Set(-3600);
        await client.AskAsync<DeployResponse>(HttpMethod.Post, "/api/v1/flows", new { source = "name: earlier\nsteps: {start: {run: [\"true\"]}}\n" }, default);
        var flows = await client.ListAsync<FlowView>("/api/v1/flows?limit=10", default);

        var between = flows.Single(f => f.Flow == "later").CreatedAt - flows.Single(f => f.Flow == "earlier").CreatedAt;
        Assert.InRange(between, TimeSpan.FromMinutes(119), TimeSpan.FromMinutes(121));
    });

    [MountFact]
    public Task AStoreWhoseDiskIsFull_MakesTheServerUnready_UntilThereIsRoom() => OnServerAsync(async (site, client) =>
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{site.ServerPort}") };
        await client.AskAsync(HttpMethod.Get, "/healthz", null, default);

        site.Store.Fill();
        // A deployment of its own each time: something has to be written, until the room that was left within the last pages is gone.
        for (var number = 0; (await http.GetAsync(new Uri("/readyz", UriKind.Relative))).IsSuccessStatusCode; number++)
        {
            using var give = new CancellationTokenSource(500);
            await client.AskAsync(HttpMethod.Post, "/api/v1/flows", new { source = $"name: f{number}\nsteps: {{start: {{run: [\"true\"]}}}}\n" }, give.Token)
                .ContinueWith(_ => { }, TaskScheduler.Default);
            Assert.True(number < 500, "The disk never becomes full.");
        }
        site.Store.Free();

        await Eventually.TrueAsync(async () => (await http.GetAsync(new Uri("/readyz", UriKind.Relative))).IsSuccessStatusCode, "Status 200 of /readyz");
    });

    private static async Task OnServerAsync(Func<ChaosSite, Insistence, Task> test)
    {
        string home;
        await using (var site = new ChaosSite(data => new SqliteChaosStore(data)))
        {
            home = site.Home;
            using var client = new Insistence(site.ServerPort);
            site.Server.Start();
            await test(site, client);
        }
        Directory.Delete(home, recursive: true);
    }
}

/// <summary>A test that moves a process's clock; skipped by name where that is not possible.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ClockFactAttribute : FactAttribute
{
    public ClockFactAttribute() => Skip = FaultyClock.Refusal;
}
