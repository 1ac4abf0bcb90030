using System.Globalization;
using System.Text.Json;

namespace Fanfare.EndToEnd.Standby;

/// <summary>Several servers that share a database and a bucket, and no directory.</summary>
public sealed class S3StandbyTests
{
    private const int BigBytes = 9 * 1024 * 1024;

    /// <summary>More than 256, the lines of one chunk, where there is time for so many tasks.</summary>
    private static readonly int Items = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 } ? 260 : 40;

    [S3AndPostgresFact]
    public async Task ALeaderThatIsKilled_LeavesLogsArtifactsAndAListWhole_ForTheOther()
    {
        await using var s3 = await S3Server.StartAsync();
        await using var site = await StandbySite.StartAsync(blobs: Blobs(s3.Endpoint, $"s3://{S3Server.Bucket}/e2e"));
        // Items of 1 KiB; one task talks all the time, and the kill is in the middle of it all.
        var run = await site.Members[0].Api.StartAsync($$$"""
            name: s3
            steps:
              start:
                run: {{{Run.Python($$$"""
                    keep('items.jsonl', ''.join(json.dumps({'n': n, 'pad': 'x' * 1000}) + '\n' for n in range({{{Items}}})))
                    keep('big.txt', 'fanfare\n' * {{{BigBytes / 8}}})
                    """)}}}
                next: [talk, wide]
              talk:
                run: {{{Run.Shell($"i=0; while [ ! -e {site.In("go")} ]; do i=$((i+1)); echo tick $i; sleep 0.02; done; echo said $i; echo \"{{\\\"ticks\\\": $i}}\" > $FANFARE_OUTPUT")}}}
                next: end
              wide:
                run: {{{Run.Python("keep('items.jsonl', ''.join(json.dumps({'n': n, 'pad': 'x' * 1000}) + chr(10) for n in range(" + Items.ToString(CultureInfo.InvariantCulture) + ")))")}}}
                next: {foreach: each, over: {file: items.jsonl}}
              each:
                run: {{{Run.Shell("n=$(sed -nE 's/.*\"item\": *\\{\"n\": *([0-9]+).*/\\1/p' $FANFARE_INPUT); echo item $n; echo $n > $FANFARE_ARTIFACTS/n.txt; echo \"{\\\"n\\\": $n}\" > $FANFARE_OUTPUT")}}}
                next: all
              all: {join: all, run: {{{Run.Python("put(sum=sum(i['outputs']['n'] for i in inputs))")}}}, next: end}
              end: {join: all, run: ["true"]}
            """);
        var leader = await site.LeaderAsync();
        var other = site.Other(leader);
        await Eventually.TrueAsync(async () => (await other.Api.StepsAsync(run)).Where(s => s.Step == "each").Sum(s => s.Succeeded) >= 10, "Some tasks of the foreach");

        await leader.Process.KillAsync();
        Assert.Same(other, await site.LeaderAsync(butNot: leader));
        await Eventually.TrueAsync(async () => (await other.Api.AnswerAsync(HttpMethod.Get, "/readyz")).Status == 200, "The new leader's readiness");
        var before = (await other.Api.LogAsync(run, "talk")).Length;
        await Eventually.TrueAsync(async () => (await other.Api.LogAsync(run, "talk")).Length > before, "More of the log under the new leader");
        await File.WriteAllTextAsync(site.In("go"), "");
        await other.Api.SucceedRunAsync(run);

        var ticks = (await other.Api.OutputAsync(run, "talk")).GetProperty("ticks").GetInt32();
        Assert.Equal(string.Concat(Enumerable.Range(1, ticks).Select(i => $"tick {i}\n")) + $"said {ticks}\n", await other.Api.LogAsync(run, "talk"));
        Assert.Equal(Items * (Items - 1) / 2, (await other.Api.OutputAsync(run, "all")).GetProperty("sum").GetInt32());
        for (var n = 0; n < Items; n += 7)
        {
            Assert.Equal($"{n}\n", await other.Api.ArtifactAsync(run, $"each[{n}]", "n.txt"));
            Assert.Equal($"item {n}\n", await other.Api.LogAsync(run, $"each[{n}]"));
        }
        var big = await other.Api.ArtifactAsync(run, "start", "big.txt");
        Assert.True(big.Length == BigBytes && big.Replace("fanfare\n", "", StringComparison.Ordinal).Length == 0, "The large artifact is another.");
        Assert.DoesNotContain(await other.Api.HistoryAsync(run), e => e.Type == "task_lost");
        Assert.All(site.Members, m => Assert.False(Directory.Exists(Path.Combine(site.DataOf(m), "blobs")), "There are blobs in a data directory."));
        Assert.Empty(s3.OpenUploads(""));
    }

    [S3Fact]
    public async Task AStoreThatIsAway_CostsNoTask_AndIsSaidWith503()
    {
        await using var s3 = await S3Server.StartAsync();
        await using var site = Site.Empty();
        var port = Api.FreePort();
        using var server = FanfareProcess.Start(
            site.Home, Blobs(s3.Endpoint, $"s3://{S3Server.Bucket}/away"), "serve", "--data", site.Data, "--port", port.ToString(CultureInfo.InvariantCulture));
        using var api = new Api(port);
        await api.ReadyAsync(server);
        var run = await api.StartAsync($$$"""
            name: away
            steps:
              start: {run: {{{Run.Shell($"echo before; touch {site.In("begun")}; {Run.Await(site.In("go"))}; echo after; printf kept > $FANFARE_ARTIFACTS/out.txt")}}} }
            """);
        await Eventually.FileAsync(site.In("begun"));
        await Eventually.TrueAsync(async () => await api.LogAsync(run, "start") == "before\n", "The first line");

        await s3.KillAsync();
        await File.WriteAllTextAsync(site.In("go"), "");
        await TaskProcesses.GoneAsync(run);
        var (status, body) = await api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}/tasks/start/logs");
        await s3.StartAgainAsync();
        await api.SucceedRunAsync(run);

        Assert.Equal(503, status);
        Assert.Equal("FAN0008", JsonDocument.Parse(body).RootElement.GetProperty("code").GetString());
        Assert.Contains("does not answer", body, StringComparison.Ordinal);
        Assert.Equal("before\nafter\n", await api.LogAsync(run, "start"));
        Assert.Equal("kept", await api.ArtifactAsync(run, "start", "out.txt"));
        Assert.Equal(0, (await api.TaskAsync(run, "start")).Attempt);
        Assert.DoesNotContain(await api.HistoryAsync(run), e => e.Type == "task_lost");
        Assert.Contains("answers again", server.Output, StringComparison.Ordinal);
    }

    [S3Fact]
    public async Task AStoreThatCannotBeUsed_IsSaidClearly()
    {
        await using var s3 = await S3Server.StartAsync();
        await using var site = Site.Empty();
        var wrongKey = new Dictionary<string, string>(Blobs(s3.Endpoint, $"s3://{S3Server.Bucket}")) { ["AWS_ACCESS_KEY_ID"] = "NOBODY" };
        var noKey = new Dictionary<string, string>(Blobs(s3.Endpoint, $"s3://{S3Server.Bucket}"))
        {
            ["AWS_ACCESS_KEY_ID"] = "",
            ["AWS_SECRET_ACCESS_KEY"] = "",
            ["AWS_SHARED_CREDENTIALS_FILE"] = site.In("none"),
            ["AWS_CONFIG_FILE"] = site.In("none"),
        };
        (IReadOnlyDictionary<string, string> Variables, string Said)[] cases =
        [
            (Blobs(s3.Endpoint, "s3://not-there"), "Make the bucket not-there"),
            (Blobs(new Uri($"http://127.0.0.1:{Api.FreePort()}"), $"s3://{S3Server.Bucket}"), "Check its address"),
            (Blobs(s3.Endpoint, "s3://B!"), "or s3://BUCKET/PREFIX"),
            (Blobs(s3.Endpoint, "ftp://somewhere"), "or s3://BUCKET/PREFIX"),
            (wrongKey, "InvalidAccessKeyId"),
            (noKey, "Set AWS_ACCESS_KEY_ID"),
        ];

        var processes = cases.Select((c, i) => FanfareProcess.Start(site.Home, c.Variables, "serve", "--data", site.In($"d{i}"), "--port", "0", "--no-worker")).ToArray();

        for (var i = 0; i < cases.Length; i++)
        {
            using var process = processes[i];
            Assert.True(await process.ExitAsync(Eventually.Limit) == 2, process.Output);
            // As it was said, however the lines were broken.
            Assert.Contains(cases[i].Said, string.Join(' ', process.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", process.Output, StringComparison.Ordinal);
        }
    }

    private static Dictionary<string, string> Blobs(Uri endpoint, string place) =>
        new(S3Server.Credentials) { ["FANFARE_BLOBS"] = place, ["FANFARE_S3_ENDPOINT"] = endpoint.ToString() };
}
