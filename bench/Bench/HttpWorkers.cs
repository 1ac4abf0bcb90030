using System.Net.Http.Json;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Bench;

/// <summary>Workers that speak the worker protocol over HTTP and end every task at once.</summary>
internal static class HttpWorkers
{
    public static async Task RunAsync(Uri server, int workers, int inFlight)
    {
        using var stop = new CancellationTokenSource();
        using var client = new HttpClient { BaseAddress = server };
        var working = Enumerable.Range(0, workers).Select(i => WorkAsync(client, $"http{i}", inFlight / workers, stop.Token)).ToList();
        await Console.In.ReadToEndAsync(CancellationToken.None);
        await stop.CancelAsync();
        await Task.WhenAll(working);
    }

    private static async Task WorkAsync(HttpClient client, string name, int inFlight, CancellationToken stop)
    {
        try
        {
            await new NoOpWorker((request, cancellation) => PollAsync(client, request, cancellation), name, inFlight, new Completions()).RunAsync(stop);
        }
        catch (OperationCanceledException)
        {
            // The end of the measurement cuts off polls that wait.
        }
    }

    private static async Task<PollResponse> PollAsync(HttpClient client, PollRequest request, CancellationToken cancellationToken)
    {
        using var answer = await client.PostAsJsonAsync(new Uri($"/api/v1/workers/{request.Worker}:poll", UriKind.Relative), request, ContractsJson.Default.PollRequest, cancellationToken);
        answer.EnsureSuccessStatusCode();
        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        return (await JsonSerializer.DeserializeAsync(body, ContractsJson.Default.PollResponse, cancellationToken))!;
    }
}
