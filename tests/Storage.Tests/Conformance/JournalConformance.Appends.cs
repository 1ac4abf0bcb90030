using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Storage.Tests.Conformance;

public abstract partial class JournalConformance
{
    [BackendFact]
    public async Task WhatIsCarried_TakesThePlaceOfAllBefore_AndTheStreamGoesOn()
    {
        var stream = StreamId.Trigger(A.Ns, "etl", "all");
        var opened = await Open(stream);
        await Append(A.Append(stream, opened, count: 7));
        var spec = new TriggerSpec { Name = "all", Sources = [new TriggerSource { Event = "a" }] };
        var carried = new TriggerCarried(1, spec, [new HadEvent(0, "e1", A.T0, "{}")], ["e0", "e1"]) { Sent = 3, Received = [new SenderPlace(StreamId.Event(A.Ns, "e1"), 1)] };
        await Append(A.Append(stream, opened, expected: 7, count: 2) with { Events = [A.Entry(8, A.Any(8)), A.Entry(9, carried)] });
        await Append(A.Append(stream, opened, expected: 9, count: 2));

        // Also before what is needless has gone, it is not read any more.
        Assert.Equal([9L, 10, 11], (opened = await Open(stream)).Events.Select(entry => entry.Sequence));
        Assert.Equal(AppendOutcome.Committed, await Journal.AcknowledgeAsync(stream, opened.Epoch, null, carried: 9).WaitAsync(Patience));
        await Append(A.Append(stream, opened));
        await ReopenAsync();

        opened = await Open(stream);
        Assert.Equal((12, 9L), (opened.Sequence, opened.Events[0].Sequence));
        Assert.Equal(System.Text.Json.JsonSerializer.Serialize<Event>(carried, ContractsJson.Default.Event), System.Text.Json.JsonSerializer.Serialize(opened.Events[0].Event, ContractsJson.Default.Event));
        Assert.Equal(4, opened.Events.Count);
        // An older opening removes nothing, nor does a stream that is not there.
        Assert.Equal(AppendOutcome.Fenced, await Journal.AcknowledgeAsync(stream, opened.Epoch - 1, null, carried: 11).WaitAsync(Patience));
        Assert.Equal(4, (await Open(stream)).Events.Count);
    }

    [BackendFact]
    public async Task ANewStream_IsEmpty()
    {
        var opened = await Open(Flow());

        Assert.Equal(0, opened.Sequence);
        Assert.Empty(opened.Events);
        Assert.Equal(long.MaxValue, opened.Acknowledged);
    }

    [BackendFact]
    public async Task EveryTypeOfEvent_ComesBackAsItWasWritten()
    {
        var stream = Step("r1", A.Key());
        var opened = await Open(stream);
        var samples = Samples.OfEveryEvent().ToList();
        var events = samples.Where(e => e is not CarriedEvent).Select((e, i) => new JournalEvent(i + 1, A.T0.AddTicks(10 * i), $"user {i} ü", e)).ToList();

        var outcome = await Append(new Append { Stream = stream, ExpectedSequence = 0, Epoch = opened.Epoch, Events = events, Rows = [], Wake = null });
        await ReopenAsync();
        var again = await Open(stream);

        Assert.Equal(AppendOutcome.Committed, outcome);
        Assert.Equal(events.Count, again.Sequence);
        Assert.Equal(events.Select(Samples.Text), again.Events.Select(Samples.Text));
        Assert.All(again.Events.Zip(events), pair => Assert.Equal(pair.Second.At, pair.First.At));
        // Of a stream that is carried on, what comes before is not read.
        foreach (var carried in samples.OfType<CarriedEvent>())
        {
            var own = StreamId.Schedule(A.Ns, "etl", carried.GetType().Name);
            opened = await Open(own);
            await Append(A.Append(own, opened));
            await Append(A.Append(own, opened, expected: 1) with { Events = [A.Entry(2, carried)] });
            Assert.Equal([Samples.Text(A.Entry(2, carried))], (await Open(own)).Events.Select(Samples.Text));
        }
    }

    [BackendFact]
    public async Task AnAppendOnAnotherHead_IsFenced_AndWritesNothing()
    {
        var opened = await Open(Run());
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(), opened, count: 2)));

        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), opened, expected: 0, rows: [A.Run("r1")])));
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), await Open(Run()), expected: 1, rows: [A.Run("r1")])));
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), await Open(Run()), expected: 3, rows: [A.Run("r1")])));
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run("never"), await Open(Run("never")), expected: 1)));

        Assert.Equal(2, (await Open(Run())).Sequence);
        Assert.Null(await ReadModel.GetRunAsync(A.Ns, "r1", default));
    }

    [BackendFact]
    public async Task OpeningAgain_FencesTheEarlierOpening()
    {
        var first = await Open(Run());
        var second = await Open(Run());

        Assert.True(second.Epoch > first.Epoch);
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), first)));
        Assert.Equal(AppendOutcome.Fenced, await Journal.AcknowledgeAsync(Run(), first.Epoch, null).WaitAsync(Patience));
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(), second)));
    }

    [BackendFact]
    public async Task ANewOwner_FencesTheOneBefore_ThoughTheHeadIsRight()
    {
        var before = await Open(Run());
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(), before)));

        await ReopenAsync();

        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), before, expected: 1)));
        var after = await Open(Run());
        Assert.True(after.Epoch > before.Epoch);
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(), after)));
    }

    [BackendFact]
    public async Task WhoLosesInABatch_LosesAlone()
    {
        var streams = Enumerable.Range(0, 300).Select(i => Run($"r{i}")).ToArray();
        var opened = await Task.WhenAll(streams.Select(Open));

        // Every third expects a head that is not there.
        var outcomes = await Task.WhenAll(streams.Select((s, i) => Append(A.Append(s, opened[i], expected: i % 3 == 0 ? 7 : 0, rows: [A.Run($"r{i}")]))));

        for (var i = 0; i < streams.Length; i++)
        {
            Assert.Equal(i % 3 == 0 ? AppendOutcome.Fenced : AppendOutcome.Committed, outcomes[i]);
            Assert.Equal(i % 3 == 0 ? 0 : 1, (await Open(streams[i])).Sequence);
            Assert.Equal(i % 3 == 0, await ReadModel.GetRunAsync(A.Ns, $"r{i}", default) is null);
        }
    }

    // A journal may begin a large append while the one before it is under way.
    [BackendFact]
    public async Task AppendsOfOneStream_SentWithoutWaiting_CommitInOrder_AndAllFailAfterOneThatFailed()
    {
        foreach (var count in (int[])[1, 150])
        {
            var (good, bad) = (Run($"good{count}"), Run($"bad{count}"));
            var (openedGood, openedBad) = (await Open(good), await Open(bad));

            var goodOnes = Enumerable.Range(0, 50).Select(i => Journal.AppendAsync(A.Append(good, openedGood, i * count, count, [A.Run($"good{count}") with { Generation = i }]))).ToArray();
            var badOnes = Enumerable.Range(0, 50).Select(i => Journal.AppendAsync(A.Append(bad, openedBad, i == 0 ? 5 : (i - 1) * count, count, [A.Run($"bad{count}")]))).ToArray();

            Assert.All(await Task.WhenAll(goodOnes).WaitAsync(Patience), outcome => Assert.Equal(AppendOutcome.Committed, outcome));
            var outcomes = await Task.WhenAll(badOnes).WaitAsync(Patience);
            Assert.All(outcomes, outcome => Assert.Equal(AppendOutcome.Fenced, outcome));
            Assert.Equal(0, (await Open(bad)).Sequence);
            Assert.Null(await ReadModel.GetRunAsync(A.Ns, $"bad{count}", default));
            Assert.Equal(50 * count, (await Open(good)).Sequence);
            Assert.Equal(49, (await ReadModel.GetRunAsync(A.Ns, $"good{count}", default))!.Generation);
            // In history, too, one comes after the other.
            var history = await ReadModel.ReadHistoryAsync(A.Ns, $"good{count}", 0, 10_000, default);
            Assert.Equal(Enumerable.Range(1, 50 * count), history.Select(e => (int)e.Entry.Sequence));
        }
    }

    [BackendFact]
    public async Task LargeAppendsOfOneStream_FailFromTheOneThatFails_ThoughTheyWereBegunBefore()
    {
        const int Count = 150;
        var step = Step("r1", A.Key());
        var opened = await Open(step);

        // The fourth expects another head; each has rows of its own, and takes away the wake row that the one before has put.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Journal.AppendAsync(A.Append(
            step, opened, (i * Count) + (i == 3 ? 1 : 0), Count, [A.Step("r1", A.Key(), total: i + 1), A.Ended("r1", A.Key(), i)], i % 2 == 0 ? new Wake(A.T0, 0) : null)))).WaitAsync(Patience);

        Assert.Equal(Enumerable.Range(0, 8).Select(i => i < 3 ? AppendOutcome.Committed : AppendOutcome.Fenced), outcomes);
        var again = await Open(step);
        Assert.Equal(3 * Count, again.Sequence);
        Assert.Equal(3, (await ReadModel.GetStepAsync(A.Ns, "r1", A.Key(), default))!.Total);
        Assert.Equal([0, 1, 2], (await ReadModel.ListTasksAsync(A.Ns, "r1", new TaskFilter(), null, 100, default)).Items.Select(t => t.Split));
        Assert.Single(await Journal.ScanWakesAsync(A.T0, 10, null, default));
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(step, again, 3 * Count, Count)));
        Assert.Empty(await Journal.ScanWakesAsync(A.T0, 10, null, default));
    }

    [BackendFact]
    public async Task LargeAppendsOfManyStreams_StandInHistoryInTheirOrder_ThoughOthersInTheirBatchesLose()
    {
        const int Count = 120, Appends = 8;
        var runs = Enumerable.Range(0, 12).Select(i => $"r{i}").ToArray();
        var opened = await Task.WhenAll(runs.Select(run => Open(Run(run))));
        await Task.WhenAll(runs.Select((run, r) => Append(A.Append(Run(run), opened[r]))));

        // Of every third run, one is on another head, each time another one.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, Appends).SelectMany(i => runs.Select((run, r) =>
            Journal.AppendAsync(A.Append(Run(run), opened[r], 1 + (i * Count) + (r % 3 == 0 && i == r / 3 ? 1 : 0), Count))))).WaitAsync(Patience);

        for (var r = 0; r < runs.Length; r++)
        {
            var written = r % 3 == 0 ? r / 3 : Appends;
            Assert.Equal(Enumerable.Range(0, Appends).Select(i => i < written ? AppendOutcome.Committed : AppendOutcome.Fenced), Enumerable.Range(0, Appends).Select(i => outcomes[(i * runs.Length) + r]));
            var history = await ReadModel.ReadHistoryAsync(A.Ns, runs[r], 0, 10_000, default);
            Assert.Equal(Enumerable.Range(1, 1 + (written * Count)), history.Select(e => (int)e.Entry.Sequence));
        }
    }

    [BackendFact]
    public async Task AnAppendThatTheSchemaRefuses_FailsThoseBegunBehindIt()
    {
        const int Count = 150;
        var step = Step("r1", A.Key());
        var opened = await Open(step);
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(step, opened, 0, Count, [A.Step("r1", A.Key())])));

        var refused = Journal.AppendAsync(A.Append(step, opened, Count, Count, [A.Step("r1", A.Key(), total: -1)]));
        var behind = Journal.AppendAsync(A.Append(step, opened, 2 * Count, Count, [A.Step("r1", A.Key(), total: 7)]));

        await Assert.ThrowsAsync<InvalidOperationException>(() => refused.WaitAsync(Patience));
        Assert.Equal(AppendOutcome.Fenced, await behind.WaitAsync(Patience));
        Assert.Equal(Count, (await Open(step)).Sequence);
    }

    [BackendFact]
    public async Task AnOpeningThatLost_StaysFenced_UntilTheStreamIsOpenedAgain()
    {
        var opened = await Open(Run());
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), opened, expected: 5)));

        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), opened)));
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(), await Open(Run()))));
    }

    [BackendFact]
    public async Task EventsThatDoNotFollowTheHead_AreRefusedAtOnce()
    {
        var opened = await Open(Run());
        var append = A.Append(Run(), opened) with { Events = [A.Entry(2, new RunPaused())] };

        var error = await Assert.ThrowsAsync<ArgumentException>(() => Append(append));

        Assert.Contains("default/run/r1", error.Message, StringComparison.Ordinal);
    }

    [BackendFact]
    public async Task ARowOfAnotherStream_IsRefusedAtOnce()
    {
        var opened = await Open(Run());

        await Assert.ThrowsAsync<ArgumentException>(() => Append(A.Append(Run(), opened, rows: [A.Run("other")])));
        await Assert.ThrowsAsync<ArgumentException>(() => Append(A.Append(Run(), opened, rows: [A.Task("r1", A.Key(), 0)])));
    }

    [BackendFact]
    public async Task ACommit_IsAnnounced_WithItsPositionAndItsRuns()
    {
        var heard = new List<(long Position, string[] Runs)>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Journal.Committed += (position, runs) =>
        {
            lock (heard) heard.Add((position, [.. runs.Select(r => $"{r.Namespace}/{r.Run}")]));
            if (heard.Count == 3) all.TrySetResult();
        };

        await Append(A.Append(Run(), await Open(Run()), count: 2));
        await Append(A.Append(Step("r2", A.Key()), await Open(Step("r2", A.Key())), count: 2));
        await Append(A.Append(Flow(), await Open(Flow())));
        await all.Task.WaitAsync(Patience);

        var positions = heard.Select(h => h.Position).ToArray();
        Assert.Equal([["default/r1"], ["default/r2"], []], heard.Select(h => h.Runs));
        Assert.Equal([positions[0] + 2, positions[1] + 1], positions[1..]);
        Assert.Equal(positions[0], (await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 10, default))[^1].Position);
        Assert.Equal(positions[2], await ReadModel.GetPositionAsync("default", "run", default));
    }

    [BackendFact]
    public async Task TheIncarnation_StaysAcrossOwners()
    {
        var before = Journal.Incarnation;

        await ReopenAsync();

        Assert.NotEmpty(before);
        Assert.Equal(before, Journal.Incarnation);
        Assert.Null(Journal.Health);
    }

    [BackendFact]
    public async Task Readers_SeeAnAppendsRowsAndEventsTogether_WhileOthersAreWritten()
    {
        const int Last = 300;
        var opened = await Open(Run());
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < Last; i++)
                Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(), opened, expected: i, rows: [A.Run("r1") with { Generation = i + 1 }])));
        });

        int seen;
        do
        {
            var events = (await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 10_000, default)).Count;
            seen = (await ReadModel.GetRunAsync(A.Ns, "r1", default))?.Generation ?? 0;
            var eventsAfter = (await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 10_000, default)).Count;
            Assert.InRange(seen, events, eventsAfter);
        }
        while (seen < Last && !writing.IsFaulted);

        await writing;
    }

    [BackendFact]
    public async Task ThousandsOfAppendsAtOnce_AllCommit_EachOnce()
    {
        const int Streams = 200, Rounds = 100;
        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async s =>
        {
            var stream = Run($"r{s}");
            var opened = await Open(stream);
            for (var i = 0; i < Rounds; i++) Assert.Equal(AppendOutcome.Committed, await Append(A.Append(stream, opened, expected: i)));
        }));

        var position = await ReadModel.GetPositionAsync("default", "run", default);
        Assert.Equal(position, (await Task.WhenAll(Enumerable.Range(0, Streams).Select(s => ReadModel.ReadHistoryAsync(A.Ns, $"r{s}", 0, 1000, default)))).Max(h => h[^1].Position));
        for (var s = 0; s < Streams; s++) Assert.Equal(Rounds, (await Open(Run($"r{s}"))).Events.Count);
    }

    [BackendFact]
    public async Task TheFirstStepsOfARun_WrittenAtOnce_EachBelongToIt_ThoughOthersLose()
    {
        const int Runs = 240, Steps = 4, AtOnce = 12;
        StreamId[] Streams(int run) => [.. Enumerable.Range(0, Steps).Select(s => Step($"r{run}", A.Key($"s{s}")))];
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(part => Task.Run(async () =>
        {
            for (var run = part; run < Runs; run += AtOnce)
            {
                var opened = await Task.WhenAll(Streams(run).Select(Open));
                // The last expects a head that is not there.
                var outcomes = await Task.WhenAll(Streams(run).Select((stream, i) => Task.Run(() => Append(A.Append(
                    stream, opened[i], expected: i == Steps - 1 ? 3 : 0, rows: [A.Step(stream.RunId!, stream.StepKey)])))));
                Assert.Equal([.. Enumerable.Repeat(AppendOutcome.Committed, Steps - 1), AppendOutcome.Fenced], outcomes);
                Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run($"r{run}"), await Open(Run($"r{run}")), rows: [A.Run($"r{run}")])));
            }
        })));

        for (var run = 0; run < Runs; run++)
        {
            Assert.Equal(Steps - 1, (await ReadModel.ListStepsAsync(A.Ns, $"r{run}", null, 10, default)).Items.Count);
            Assert.Equal(Steps, (await ReadModel.ReadHistoryAsync(A.Ns, $"r{run}", 0, 10, default)).Count);
        }
    }
}
