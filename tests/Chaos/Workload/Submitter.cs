using System.Globalization;

namespace Fanfare.Chaos.Workload;

/// <summary>Starts runs for as long as the campaign goes on, each under a key of its own and some twice, and keeps so many going.</summary>
/// <param name="observer">Tells how many are going.</param>
internal sealed class Submitter(Insistence client, Insistence observer, IReadOnlyList<ChaosFlow> flows, OrderBook orders, int seed)
{
    private const int MostActive = 36;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    private readonly Random _random = new(seed);
    private readonly List<string> _complaints = [];

    public IReadOnlyList<string> Complaints => _complaints;

    public async Task DeployAsync(CancellationToken cancel)
    {
        foreach (var flow in flows) await client.AskAsync<DeployResponse>(HttpMethod.Post, "/api/v1/flows", new { source = flow.Source }, cancel);
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            for (var number = 0; ; number++)
            {
                while ((await observer.AskAsync<ListResponse<RunView>>(HttpMethod.Get, "/api/v1/runs?active=true&limit=1000", null, cancel)).Items.Count >= MostActive)
                    await Task.Delay(Look, cancel);
                await SubmitAsync(number, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Enough. What was asked for last may be there or not; nobody was told that it is.
        }
    }

    /// <summary>Starts one run more, when <see cref="RunAsync"/> has ended.</summary>
    public Task SubmitAfterwardsAsync(int number, CancellationToken cancel) => SubmitAsync(1_000_000 + number, cancel);

    private async Task SubmitAsync(int number, CancellationToken cancel)
    {
        var flow = flows[_random.Next(flows.Count)];
        var key = string.Create(CultureInfo.InvariantCulture, $"order-{seed}-{number}");
        var width = _random.Next(0, 7);
        var body = new { idempotency_key = key, parameters = new { n = width, nap = Nap() } };
        var path = $"/api/v1/flows/{flow.Name}/runs";
        var started = await client.AskAsync<StartRunResponse>(HttpMethod.Post, path, body, cancel);
        orders.Add(new Order(key, flow, width, started.Run));
        if (_random.Next(4) != 0) return;
        var again = await client.AskAsync<StartRunResponse>(HttpMethod.Post, path, body, cancel);
        if (again.New || again.Run != started.Run) _complaints.Add($"Key {key} started run {started.Run}, and then {again.Run} (new: {again.New}).");
    }

    private string Nap()
    {
        var seconds = _random.Next(10) switch { 0 => 5, < 3 => 2, _ => _random.NextDouble() };
        return seconds.ToString("0.00", CultureInfo.InvariantCulture);
    }
}
