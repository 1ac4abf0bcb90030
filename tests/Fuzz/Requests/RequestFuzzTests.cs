using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Fanfare.Fuzz.Kernel;
using Fanfare.Fuzz.Server;
using Xunit.Abstractions;

namespace Fanfare.Fuzz.Requests;

/// <summary>Requests drawn from docs/openapi.json against the real engine and store: each is answered in time, with success or with problem details.</summary>
public sealed class RequestFuzzTests(ITestOutputHelper output)
{
    /// <summary>Requests of which two thirds of all operations are reached.</summary>
    private const int Enough = 2_000;

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    public static TheoryData<string> Corpora() => Corpus.Names("requests");

    [Theory]
    [MemberData(nameof(Corpora))]
    public async Task WhatOnceBroke_IsAnswered(string name)
    {
        await using var world = await RequestWorld.MakeAsync();
        foreach (var request in JsonSerializer.Deserialize<SketchedRequest[]>(Corpus.Text("requests", name), Readable)!)
            await SendAsync(world, request with { Path = Placed(request.Path, world), Body = request.Body is { } body ? Placed(body, world) : null });
        Assert.Empty(world.Server.Complaints);
    }

    [Theory]
    [MemberData(nameof(Campaign.Seeds), MemberType = typeof(Campaign))]
    public async Task EveryOperation_AnswersEveryRequest(string seed)
    {
        await using var world = await RequestWorld.MakeAsync();
        var sketch = new ApiSketch(world);
        var statuses = new ConcurrentDictionary<HttpStatusCode, int>();
        var reached = new ConcurrentDictionary<string, bool>();
        var campaign = Campaign.Of(nameof(EveryOperation_AnswersEveryRequest), seed, TimeSpan.FromSeconds(2.5), output, least: Enough);

        var cases = await campaign.RunAsync(async (draw, _) =>
        {
            var (operation, request) = sketch.Of(draw);
            var status = await SendAsync(world, request);
            statuses.AddOrUpdate(status, 1, (_, n) => n + 1);
            if ((int)status < 300) reached[operation] = true;
            if (world.Server.Complaints.Count > 0)
                throw new FuzzException($"The engine complained: {string.Join(Environment.NewLine, world.Server.Complaints.Take(3))}{Environment.NewLine}{Keep(request)}");
        });

        output.WriteLine($"{string.Join(", ", statuses.Select(s => $"{s.Value} x {(int)s.Key}"))}; {reached.Count} of {sketch.Operations} operations did what they are for.");
        if (cases >= Enough) Assert.True(reached.Count > sketch.Operations * 2 / 3, $"Only {reached.Count} of {sketch.Operations} operations were reached: {string.Join(", ", reached.Keys)}");
    }

    private static async Task<HttpStatusCode> SendAsync(RequestWorld world, SketchedRequest sketch)
    {
        using var request = new HttpRequestMessage(new HttpMethod(sketch.Method), new Uri(sketch.Path, UriKind.Relative));
        if (sketch.Body is { } body) request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        if (request.Content is not null && sketch.Type is { } type) request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        foreach (var (name, value) in sketch.Headers) request.Headers.TryAddWithoutValidation(name, value);
        // A log that is followed before its task has started is answered when it starts: that is no hang.
        var waits = sketch.Path.Contains("follow", StringComparison.Ordinal);
        using var patience = new CancellationTokenSource(waits ? TimeSpan.FromMilliseconds(200) : RealServer.Patience);
        try
        {
            // What follows a run never ends by itself: the answer's head is enough.
            using var answer = await world.Server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            if (await RealServer.FaultOfAsync(answer, hasBody: sketch.Method != "HEAD") is { } fault) throw new FuzzException($"{fault}{Environment.NewLine}{Keep(sketch)}");
            return answer.StatusCode;
        }
        catch (TaskCanceledException) when (waits)
        {
            return HttpStatusCode.Continue;
        }
        catch (Exception e) when (e is TaskCanceledException or HttpRequestException)
        {
            throw new FuzzException($"No answer: {e.Message}{Environment.NewLine}{Keep(sketch)}", e);
        }
    }

    private static string Keep(SketchedRequest request) =>
        $"{request.Method} {request.Path}{Environment.NewLine}{Corpus.Keep("requests", JsonSerializer.Serialize(new[] { request }, Readable), "json")}";

    // Ids and tokens differ from server to server; a corpus has names for them.
    private static string Placed(string text, RequestWorld world) => text
        .Replace("$done", world.Runs[0], StringComparison.Ordinal).Replace("$open", world.Runs[1], StringComparison.Ordinal).Replace("$held", world.Runs[2], StringComparison.Ordinal)
        .Replace("$token", world.Lease.Token, StringComparison.Ordinal).Replace("$stream", Uri.EscapeDataString(world.Lease.Task.Stream.ToString()), StringComparison.Ordinal);
}
