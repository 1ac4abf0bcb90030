using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests.Spot;

/// <summary>What a worker does when EC2 takes its machine back, or recommends to leave it.</summary>
public sealed class SpotTests : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("fanfare-spot-").FullName;
    private FakeGateway _gateway = null!;
    private FakeMetadata _metadata = null!;
    private TestWorker? _worker;

    public async Task InitializeAsync()
    {
        _gateway = await FakeGateway.StartAsync();
        _metadata = await FakeMetadata.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_worker is not null) await _worker.DisposeAsync();
        await _metadata.DisposeAsync();
        await _gateway.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private string File(string name) => Path.Combine(_root, name);

    private TestWorker Start(TimeSpan? every = null) =>
        _worker = new TestWorker([_gateway], o => o with { Spot = new SpotOptions { Endpoint = _metadata.Endpoint, Every = every ?? TimeSpan.FromMilliseconds(50) } });

    private static DateTimeOffset In(double seconds) => DateTimeOffset.UtcNow.AddSeconds(seconds);

    [Fact]
    public async Task AnInterruptedTask_KnowsItsDeadlineBeforeSigterm_AndMayUseMoreThanItsGrace_AndCountsWhenItSucceeds()
    {
        Start();
        // The step's grace is a second; this takes three, in a part of its group, too.
        var lease = A.Task($"trap 'cp $FANFARE_INTERRUPT_FILE $FANFARE_ARTIFACTS/told; sleep 3; echo saved; exit 0' TERM; [ -e $FANFARE_INTERRUPT_FILE ] && exit 1; echo $$ > {File("pid")}; while :; do sleep 0.05; done");
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));
        var at = In(120);
        _metadata.Interrupt("terminate", at);

        var end = await _gateway.FinishedAsync(lease.Token);
        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Null(end.Error);
        Assert.Equal(AttemptOutcome.Succeeded, end.Outcome);
        Assert.Contains(_gateway.Log(lease.Token), l => l is { Stream: "out", Text: "saved" });
        using var told = JsonDocument.Parse(_gateway.Artifacts[$"{lease.Token}/told"]);
        Assert.Equal("terminate", told.RootElement.GetProperty("action").GetString());
        Assert.Equal("spot_interruption", told.RootElement.GetProperty("reason").GetString());
        Assert.Equal(at.ToUnixTimeSeconds(), told.RootElement.GetProperty("machine_ends").GetDateTimeOffset().ToUnixTimeSeconds());
        Assert.Equal(10, (told.RootElement.GetProperty("machine_ends").GetDateTimeOffset() - told.RootElement.GetProperty("deadline").GetDateTimeOffset()).TotalSeconds);
        Assert.Contains(_worker.Log, l => l.Contains("EC2 takes this machine back (terminate at ", StringComparison.Ordinal));
        Assert.Contains(_worker.Log, l => l.Contains("has no more tasks, and ends: spot interruption at ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ATaskThatIgnoresSigterm_IsKilledAtItsDeadline_AndHandedBackAsLost_NamingTheInterruption()
    {
        Start();
        var lease = A.Task($"trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {File("child")}; while :; do sleep 0.1; done' & echo $$ > {File("pid")}; wait");
        _gateway.Offer(lease);
        int[] pids = [await Procs.PidFromAsync(File("pid")), await Procs.PidFromAsync(File("child"))];

        // Ten seconds before, and there are two at least.
        _metadata.Interrupt("stop", In(13));
        var end = await _gateway.FinishedAsync(lease.Token);
        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal((AttemptOutcome.Lost, SpotInterruption.ErrorType), (end.Outcome, end.Error?.Type));
        Assert.True(SpotInterruption.IsIn(end.Error!.Message), end.Error.Message);
        Assert.Contains("worker w1 (stop at ", end.Error.Message, StringComparison.Ordinal);
        foreach (var pid in pids) await Procs.GoneAsync(pid);
    }

    [Fact]
    public async Task ATaskThatEndsWithAnythingButSuccess_IsLostNotFailed_AlsoWhereTheMachineHibernatesAtOnce()
    {
        Start();
        var (saves, deaf) = (A.Task($"trap 'exit 3' TERM; echo $$ > {File("saves")}; while :; do sleep 0.05; done"), A.Task($"trap '' TERM; echo $$ > {File("deaf")}; while :; do sleep 0.05; done", s => s with { Grace = TimeSpan.FromMinutes(5) }));
        _gateway.Offer(saves, deaf);
        await Procs.PidFromAsync(File("saves"));
        var pid = await Procs.PidFromAsync(File("deaf"));

        _metadata.Interrupt("hibernate", In(0));
        var ends = new[] { await _gateway.FinishedAsync(saves.Token), await _gateway.FinishedAsync(deaf.Token) };

        Assert.All(ends, end => Assert.Equal((AttemptOutcome.Lost, SpotInterruption.ErrorType), (end.Outcome, end.Error?.Type)));
        await Procs.GoneAsync(pid);
        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task WithTheTimeBetweenLooksThatIsUsual_ATaskIsToldWithinSevenSeconds()
    {
        Start(new SpotOptions().Every);
        var lease = A.Task($"trap 'date +%s.%N > $FANFARE_ARTIFACTS/at; exit 0' TERM; echo $$ > {File("pid")}; while :; do sleep 0.02; done");
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));
        // The worst moment: a look was just answered.
        var looks = _metadata.Looks;
        await _metadata.UntilAsync(() => _metadata.Looks > looks, "a look");
        var since = DateTimeOffset.UtcNow;
        _metadata.Interrupt("terminate", In(120));

        Assert.Null((await _gateway.FinishedAsync(lease.Token)).Error);

        var at = double.Parse(Encoding.UTF8.GetString(_gateway.Artifacts[$"{lease.Token}/at"]), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(at - (since.ToUnixTimeMilliseconds() / 1000.0), 0, 7);
    }

    [Fact]
    public async Task AfterARecommendation_NothingMoreIsTaken_WhatRunsComesToItsEnd_AndTheWorkerEnds()
    {
        Start();
        var (lease, late) = (A.Task($"trap 'exit 9' TERM; echo $$ > {File("pid")}; while [ ! -e {File("go")} ]; do sleep 0.02; done"), A.Task("true"));
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));

        _metadata.Recommend();
        // The poll that waited asked for more; the next one tells at once.
        await _gateway.UntilAsync(() => _gateway.Polls.Any(p => p.Draining is not null), "a poll that says that the worker drains", seconds: 10);
        _gateway.Offer(late);
        await System.IO.File.WriteAllTextAsync(File("go"), "");
        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Null(_gateway.Finished[lease.Token].Error);
        Assert.DoesNotContain(late.Token, _gateway.Finished.Keys);
        Assert.All(_gateway.Polls.Where(p => p.Draining is not null), p => Assert.Equal(("rebalance recommended", 0), (p.Draining, p.MaxLeases)));
        // A server holds a poll for as long as it may: one that asks for nothing must not be held.
        Assert.All(_gateway.Polls.Where(p => p is { Draining: not null, Held.Count: 0 }), p => Assert.Equal(0, p.WaitMs));
        Assert.Contains("Worker w1 has no more tasks, and ends: rebalance recommended.", _worker.Log);
    }

    [Fact]
    public async Task AnInterruption_ThatFollowsARecommendation_IsHeardToo()
    {
        Start();
        var lease = A.Task($"echo $$ > {File("pid")}; sleep 1000");
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));
        _metadata.Recommend();
        await _gateway.UntilAsync(() => _gateway.Polls.Any(p => p.Draining == "rebalance recommended"), "a poll that says that the worker drains");

        _metadata.Interrupt("terminate", In(120));

        Assert.Equal(SpotInterruption.ErrorType, (await _gateway.FinishedAsync(lease.Token)).Error?.Type);
        await _gateway.UntilAsync(() => _gateway.Polls[^1].Draining?.StartsWith("spot interruption at ", StringComparison.Ordinal) == true, "a poll that says why");
        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task OnAMachineThatIsTakenBackAlready_AWorkerTakesNothing_AndSaysSo()
    {
        _metadata.Interrupt("terminate", In(60));
        var lease = A.Task("true");
        _gateway.Offer(lease);

        await Start().Running.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Empty(_gateway.Finished);
        Assert.NotEmpty(_gateway.Polls);
        Assert.All(_gateway.Polls, p => Assert.True(p is { MaxLeases: 0, Draining: not null }));
    }

    [Fact]
    public async Task AServerThatDoesNotKnowTheReason_StillHearsOfTheEnd()
    {
        _gateway.KnowsDraining = false;
        Start();
        var lease = A.Task($"echo $$ > {File("pid")}; sleep 1000");
        _gateway.Offer(lease);
        await Procs.PidFromAsync(File("pid"));

        _metadata.Interrupt("terminate", In(120));

        Assert.Equal(AttemptOutcome.Lost, (await _gateway.FinishedAsync(lease.Token)).Outcome);
        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(_gateway.RefusedCount > 0);
        Assert.DoesNotContain(_worker.Log, l => l.Contains("failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tokens_AreRenewedBeforeTheyEnd()
    {
        _metadata.TtlSeconds = 2;
        Start();

        await _metadata.UntilAsync(() => _metadata.TokensGiven >= 3, "three tokens");

        Assert.DoesNotContain(_metadata.Answers, a => a.Status == 401);
        Assert.True(_metadata.Looks > 3);
    }

    [Fact]
    public async Task ATokenThatIsNotKnownAnyMore_IsReplacedInTheSameLook()
    {
        Start();
        await _metadata.UntilAsync(() => _metadata.Looks > 1, "looks");

        _metadata.ForgetTokens();
        _metadata.Interrupt("terminate", In(60));

        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Contains(_metadata.Answers, a => a.Status == 401);
        Assert.DoesNotContain(_worker.Log, l => l.Contains("cannot be asked", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null, "no answer within 1 s")]
    [InlineData(500, "with 500")]
    [InlineData(403, "so it is turned off")]
    public async Task AServiceThatFails_IsSaidOnce_HoldsNothingUp_AndIsAskedUntilItAnswers(int? status, string words)
    {
        (_metadata.Hangs, _metadata.Refuses) = (status is null, status);
        var clock = Stopwatch.StartNew();
        Start();
        var lease = A.Task("true");
        _gateway.Offer(lease);
        Assert.Null((await _gateway.FinishedAsync(lease.Token)).Error);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20);
        // A few rounds of it.
        if (status is null) await _metadata.UntilAsync(() => _metadata.Ignored >= 3, "three requests");
        else await _metadata.UntilAsync(() => _metadata.Answers.Count(a => a.Status == status) >= 4, "four refusals");

        (_metadata.Hangs, _metadata.Refuses) = (false, null);
        await _metadata.UntilAsync(() => _metadata.Looks > 1, "looks");
        _metadata.Interrupt("terminate", In(60));
        await _worker!.Running.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Contains(words, Assert.Single(_worker.Log, l => l.Contains("cannot be asked", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Single(_worker.Log, l => l.EndsWith(" answers.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NobodyThere_IsSaidOnce()
    {
        await _metadata.DisposeAsync();
        Start();
        var lease = A.Task("true");
        _gateway.Offer(lease);

        Assert.Null((await _gateway.FinishedAsync(lease.Token)).Error);

        await _worker!.LoggedAsync("EC2's metadata service at ", 1);
    }

    [Theory]
    [InlineData("<html>", "it is not JSON")]
    [InlineData("[]", "it is not a JSON object")]
    [InlineData("""{"action": "terminate"}""", "it has no text 'time'")]
    [InlineData("""{"action": "terminate", "time": "soon"}""", "'time' is not a time")]
    [InlineData("""{"action": "a b", "time": "2017-09-18T08:22:00Z"}""", "'action' is not a word")]
    public async Task ANoticeThatIsNotUnderstood_IsSaidOnce_AndLeftAlone(string said, string words)
    {
        _metadata.Action = said;
        Start();

        await _metadata.UntilAsync(() => _metadata.Looks >= 4, "looks");
        var lease = A.Task("true");
        _gateway.Offer(lease);
        Assert.Null((await _gateway.FinishedAsync(lease.Token)).Error);

        Assert.Contains(words, Assert.Single(_worker!.Log, l => l.Contains("is not understood", StringComparison.Ordinal)), StringComparison.Ordinal);
    }
}
