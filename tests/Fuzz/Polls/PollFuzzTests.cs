using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Fanfare.Fuzz.Server;
using Xunit.Abstractions;

namespace Fanfare.Fuzz.Polls;

/// <summary>Polls dropped, doubled, reordered, repeated, forged and mangled, against the real engine and store: never a server's error, never a hang,
/// never an effect of a forged token; and a worker as it should be brings every run to its end afterwards.</summary>
public sealed class PollFuzzTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Term = TimeSpan.FromSeconds(2);

    public static TheoryData<string> Corpora() => Corpus.Names("polls");

    /// <summary>A corpus holds a flow, and what a worker says, in place of the right thing, of the end of the step named.</summary>
    [Theory]
    [MemberData(nameof(Corpora))]
    public async Task WhatOnceBroke_IsRefusedOrTaken_AndTheRunEnds(string name)
    {
        await using var server = await RealServer.StartAsync(Term);
        var corpus = JsonNode.Parse(Corpus.Text("polls", name))!;
        var run = await server.StartRunAsync(await server.DeployAsync((string)corpus["flow"]!));
        var worker = new ModelWorker(server, "w");
        while (worker.Held.Count == 0) await worker.PollAsync(100);
        var lease = worker.Held.First();
        var poll = JsonSerializer.SerializeToNode(worker.Poll(), ContractsJson.Default.PollRequest)!.AsObject();
        var finished = JsonSerializer.SerializeToNode(ModelWorker.Ended(lease, AttemptOutcome.Succeeded), ContractsJson.Default.FinishedAttempt)!.AsObject();
        foreach (var (member, value) in corpus["finished"]?.AsObject() ?? []) finished[member] = value?.DeepClone();
        (poll["finished"], poll["held"]) = (new JsonArray(finished), new JsonArray());
        foreach (var (member, value) in corpus["poll"]?.AsObject() ?? []) poll[member] = value?.DeepClone();

        foreach (var member in corpus["without"]?.AsArray() ?? []) poll.Remove((string)member!);

        using var answer = await server.PostAsync(ModelWorker.Path("w"), poll.ToJsonString());

        Assert.Null(await RealServer.FaultOfAsync(answer, hasBody: true));
        Assert.Equal((int)corpus["status"]!, (int)answer.StatusCode);
        // What it still holds need not be waited for.
        worker.Reboot("boot-2");
        await worker.PollAsync(most: 0);
        await RunAudit.EndAllAsync(server, [run]);
        Assert.Empty(server.Complaints);
    }

    [Theory]
    [MemberData(nameof(Campaign.Seeds), MemberType = typeof(Campaign))]
    public async Task TamperedPolls_ChangeNothing_AndEveryRunEnds(string seed)
    {
        await using var server = await RealServer.StartAsync(Term);
        var runs = new Dictionary<string, string>();
        var leases = new List<Lease>();
        var campaign = Campaign.Of(nameof(TamperedPolls_ChangeNothing_AndEveryRunEnds), seed, TimeSpan.FromSeconds(2.5), output, factor: 12);

        var polls = 0;
        await campaign.RunAsync(async (draw, number) =>
        {
            var scene = await PollScene.StartAsync(server, draw, number, leases);
            try
            {
                for (var steps = draw.Between(5, 30); steps > 0; steps--, polls++)
                {
                    await scene.StepAsync();
                    if (server.Complaints.Count > 0) throw new FuzzException($"The engine complained: {string.Join(Environment.NewLine, server.Complaints.Take(3))}");
                }
            }
            catch (FuzzException e)
            {
                throw new FuzzException($"{e.Message}{Environment.NewLine}{Corpus.Keep("polls", scene.Script, "jsonl")}", e);
            }
            runs[scene.Run] = scene.Script;
        });

        output.WriteLine($"{polls} polls and the like, {runs.Count} runs.");
        await RunAudit.EndAllAsync(server, runs.Keys);
        Assert.Empty(server.Complaints);
    }
}
