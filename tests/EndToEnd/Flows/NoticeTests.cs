using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.EndToEnd.Flows;

/// <summary>Who is told of what becomes of runs, on the built program with receivers of its own.</summary>
public sealed class NoticeTests : IAsyncLifetime, IDisposable
{
    private static readonly string s_fails = $$$"""
        name: fails
        notify:
          - {on: failed, to: [ops, later], title: "{{ flow }} {{ parameters.day }}: {{ error.message }}"}
          - {on: succeeded, to: ops}
        parameters: {day: {default: ""}}
        steps:
          start: {run: {{{Run.Shell("test \"$FANFARE_PARAM_DAY\" = good")}}}}
        """;

    private static readonly string s_slow = $$$"""
        name: slow
        notify:
          - {on: late, within: 3s, to: ops}
        steps:
          start: {run: {{{Run.Python("time.sleep(0.2)")}}}, next: work}
          work: {run: {{{Run.Python("time.sleep(6)")}}}}
        """;

    private readonly Hook _ops = new();
    private Site _site = null!;

    public async Task InitializeAsync()
    {
        _site = await Site.StartAsync();
        await RestartAsync(withLater: false);
    }

    public async Task DisposeAsync() => await _site.DisposeAsync();

    public void Dispose() => _ops.Dispose();

    [Fact]
    public async Task EveryReceiver_IsToldOfEachRunThatFails_ThoughItIsAway_AndTheServerIsKilled()
    {
        // Each notice is refused the first time that it comes.
        _ops.Refuses = (_, times) => times == 1;
        await _site.Api.DeployAsync(s_fails);
        var runs = new List<string>();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 4; i++) runs.Add(await StartAsync($"{round}{i}"));
            await Eventually.TrueAsync(() => _ops.Seen.Count > 4 * round, "A notice");
            await RestartAsync(withLater: false);
        }
        runs.Add(await StartAsync("good"));

        await Eventually.TrueAsync(() => _ops.Taken.Count == runs.Count, "A notice of each run");
        var taken = _ops.Taken.ToDictionary(notice => notice.Value.GetProperty("data").GetProperty("run").GetString()!, notice => notice.Value);
        Assert.Equal(runs.Order(), taken.Keys.Order());
        Assert.Equal("run.succeeded", taken[runs[^1]].GetProperty("type").GetString());
        Assert.All(runs[..^1], run => Assert.Equal("run.failed", taken[run].GetProperty("type").GetString()));
        var title = taken[runs[5]].GetProperty("title").GetString()!;
        Assert.StartsWith("fails 11: start: ", title, StringComparison.Ordinal);
        Assert.EndsWith($"/runs/{runs[5]}", taken[runs[5]].GetProperty("url").GetString(), StringComparison.Ordinal);

        // The other receiver is in no file yet.
        var dead = await NoticesAsync("?dead=true");
        Assert.Equal(runs.Count - 1, dead.Count);
        Assert.All(dead, notice => Assert.Contains("'later'", notice.Deliveries.Single(delivery => delivery.State == NoticeState.Dead).Reason, StringComparison.Ordinal));
        var before = _ops.Taken.Count;
        await RestartAsync(withLater: true);
        Assert.Contains($"{runs.Count - 1} receivers to be told again.", await CommandAsync("notice", "redrive", "--receiver", "later"), StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => (await NoticesAsync("")).All(notice => notice.Deliveries.All(delivery => delivery.State == NoticeState.Told)), "The end of what was redriven");
        Assert.Equal(2 * (runs.Count - 1) + 1, _ops.TakenBy.Values.Sum(by => by.Count));
        Assert.Equal(before, _ops.Taken.Count);
        Assert.Contains("Everybody was told, or is being told.", await CommandAsync("notice", "list", "--dead"), StringComparison.Ordinal);
        Assert.Contains("later", await CommandAsync("notice", "list", "fails"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARunThatWillBeLate_IsToldOf_BeforeItIs_OnceThereIsAHistory()
    {
        await _site.Api.DeployAsync(s_slow);
        var first = (await _site.Api.StartDeployedAsync("slow")).Run;
        await Eventually.TrueAsync(() => _ops.Taken.Count == 1, "A notice of the first");
        await _site.Api.SucceedRunAsync(first);
        var second = (await _site.Api.StartDeployedAsync("slow")).Run;
        await Eventually.TrueAsync(() => _ops.Taken.Count == 2, "A notice of the second");

        JsonElement Of(string run) => _ops.Taken.Values.Single(notice => notice.GetProperty("data").GetProperty("run").GetString() == run);
        DateTimeOffset At(JsonElement of, string name) => DateTimeOffset.Parse(of.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);
        var (late, expected) = (Of(first), Of(second));
        Assert.Equal(("run.late", "run.late"), (late.GetProperty("type").GetString(), expected.GetProperty("type").GetString()));
        // Of the first nothing is known until it is late; of the second that it will be.
        Assert.True(At(late, "timestamp") >= At(late.GetProperty("data"), "deadline"), $"{late}");
        Assert.True(At(expected, "timestamp") < At(expected.GetProperty("data"), "deadline"), $"{expected}");
        Assert.True(At(expected.GetProperty("data"), "expected_at") > At(expected.GetProperty("data"), "deadline"));
        Assert.Equal(TimeSpan.FromSeconds(3), At(expected.GetProperty("data"), "deadline") - At(expected.GetProperty("data"), "created_at"));
    }

    private async Task<string> StartAsync(string day) => (await _site.Api.StartDeployedAsync("fails", parameters: new Dictionary<string, object> { ["day"] = day })).Run;

    private async Task<IReadOnlyList<NoticeView>> NoticesAsync(string query) =>
        ((ListResponse<NoticeView>)JsonSerializer.Deserialize(await _site.Api.GetTextAsync($"/api/v1/notices{query}"), ContractsJson.Default.Options.GetTypeInfo(typeof(ListResponse<NoticeView>)))!).Items;

    private async Task<string> CommandAsync(params string[] arguments)
    {
        var command = _site.Command([.. arguments, "--server", _site.Url]);
        Assert.Equal(0, await command.ExitAsync(TimeSpan.FromSeconds(30)));
        return command.Output;
    }

    // Killed, and started again.
    private async Task RestartAsync(bool withLater)
    {
        if (_site.Server is { } server) await server.KillAsync();
        await File.WriteAllTextAsync(_site.In("receivers.yaml"), $"ops: {{kind: webhook, url: '{_ops.Url}/ops'}}\n{(withLater ? $"later: {{kind: webhook, url: '{_ops.Url}/later'}}\n" : "")}");
        await _site.StartServerAsync(false, "--receivers", _site.In("receivers.yaml"), "--public-url", "http://fanfare.test");
    }

    /// <summary>Takes webhooks, or refuses them for now.</summary>
    private sealed class Hook : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly Task _receiving;

        public Hook()
        {
            Url = $"http://127.0.0.1:{Api.FreePort()}";
            _listener.Prefixes.Add($"{Url}/");
            _listener.Start();
            _receiving = ReceiveAsync();
        }

        public string Url { get; }

        /// <summary>Whether it refuses a notice that comes for the so manyeth time.</summary>
        public Func<string, int, bool> Refuses { get; set; } = (_, _) => false;

        /// <summary>How often each has come.</summary>
        public ConcurrentDictionary<string, int> Seen { get; } = [];

        /// <summary>By their ids.</summary>
        public ConcurrentDictionary<string, JsonElement> Taken { get; } = [];

        /// <summary>By the path, the ids.</summary>
        public ConcurrentDictionary<string, ConcurrentDictionary<string, int>> TakenBy { get; } = [];

        public void Dispose()
        {
            _listener.Close();
            _receiving.GetAwaiter().GetResult();
        }

        private async Task ReceiveAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    using var body = await JsonDocument.ParseAsync(context.Request.InputStream);
                    var (id, path) = (context.Request.Headers["webhook-id"]!, context.Request.Url!.AbsolutePath);
                    if (Refuses(id, Seen.AddOrUpdate(id, 1, (_, times) => times + 1)))
                    {
                        context.Response.StatusCode = 503;
                    }
                    else
                    {
                        Taken.TryAdd(id, body.RootElement.Clone());
                        TakenBy.GetOrAdd(path, _ => []).AddOrUpdate(id, 1, (_, times) => times + 1);
                    }
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // Closed.
            }
        }
    }
}
