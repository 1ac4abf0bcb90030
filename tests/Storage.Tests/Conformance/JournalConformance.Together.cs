using Fanfare.Contracts;
using Fanfare.Postgres;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Tests.Conformance;

// Appends that are written together, and streams that are opened without a look at them.
public abstract partial class JournalConformance
{
    [BackendFact]
    public async Task AppendsThatGoTogether_AreWrittenTogether()
    {
        var (run, step) = (Run(), Step("r1", A.Key()));
        var (openedRun, openedStep) = (await Open(run), await Open(step));

        var outcome = await Together(A.Append(step, openedStep, rows: [A.Step("r1", A.Key())], wake: new Wake(A.T0, 0)), A.Append(run, openedRun, count: 3, rows: [A.Run("r1")]));
        await ReopenAsync();

        Assert.Equal(AppendOutcome.Committed, outcome);
        Assert.Equal(3, (await Open(run)).Sequence);
        Assert.Equal(1, (await Open(step)).Sequence);
        Assert.Equal(step, Assert.Single(await Journal.ScanWakesAsync(A.T0, 10, null, default)).Stream);
        Assert.NotNull(await ReadModel.GetStepAsync(A.Ns, "r1", A.Key(), default));
        Assert.Equal(4, (await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 10, default)).Count);
    }

    [BackendFact]
    public async Task OfAppendsThatGoTogether_NoneIsWritten_WhenOneLoses()
    {
        var streams = Enumerable.Range(0, 90).Select(i => Run($"r{i}")).ToArray();
        var opened = await Task.WhenAll(streams.Select(Open));

        // Threes, sent at once: of every other one, the last expects a head that is not there.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 30).Select(three => Together([.. Enumerable.Range(three * 3, 3).Select(i =>
            A.Append(streams[i], opened[i], expected: three % 2 == 1 && i % 3 == 2 ? 7 : 0, rows: [A.Run($"r{i}")]))])));

        for (var i = 0; i < streams.Length; i++)
        {
            var lost = i / 3 % 2 == 1;
            Assert.Equal(lost ? AppendOutcome.Fenced : AppendOutcome.Committed, outcomes[i / 3]);
            Assert.Equal(lost, await ReadModel.GetRunAsync(A.Ns, $"r{i}", default) is null);
        }
        // Who lost with another is fenced as that one is, until it is opened again.
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(streams[3], opened[3])));
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(streams[3], await Open(streams[3]))));
        Assert.Equal(0, (await Open(streams[4])).Sequence);
    }

    // A journal may write few rows otherwise than many.
    [BackendFact]
    public async Task RowsOfEveryKind_OfFewStreamsAndOfMany_AreWrittenTogether_AndOverwrittenTogether()
    {
        foreach (var count in (int[])[1, 2, 3, 7])
        {
            string[] names = [.. Enumerable.Range(0, count).Select(i => $"of{count}-{i}")];
            var key = A.Key();
            var (running, ended) = (A.Attempt("", key, 5, 1), A.Attempt("", key, 5, 1, AttemptStatus.Failed));

            await TogetherAsync(name => [A.Run(name, tags: ["early", name])], name =>
                [A.Step(name, key), A.Grant(name, key, 1, 0, 1), A.Task(name, key, 5, TaskStatus.Failed), running with { Run = name }], name => A.Deployment(name, 1), new Wake(A.T0, 0));
            await CheckAsync(RunStatus.Running, "early", StepStatus.Open, TaskStatus.Running, TaskStatus.Failed, running, 1, 2);
            Assert.Equal(count, (await Journal.ScanWakesAsync(A.T0, 100, null, default)).Count);

            await TogetherAsync(name => [A.Run(name, status: RunStatus.Succeeded, tags: ["late", name])], name =>
                [A.Step(name, key, StepStatus.Succeeded), A.Ended(name, key, 0), A.Ended(name, key, 1), A.Grant(name, key, 1), A.Task(name, key, 5, TaskStatus.Skipped), ended with { Run = name }], name => A.Deployment(name, 2), null);
            await CheckAsync(RunStatus.Succeeded, "late", StepStatus.Succeeded, TaskStatus.Succeeded, TaskStatus.Skipped, ended, 2, 0);
            Assert.Empty(await Journal.ScanWakesAsync(A.T0, 100, null, default));

            async Task TogetherAsync(Func<string, Row[]> ofRun, Func<string, Row[]> ofStep, Func<string, Row> ofFlow, Wake? wake)
            {
                List<Append> appends = [];
                foreach (var name in names)
                {
                    appends.Add(A.Append(Run(name), await Open(Run(name)), rows: ofRun(name)));
                    appends.Add(A.Append(Step(name, key), await Open(Step(name, key)), count: 2, rows: ofStep(name), wake: wake));
                    appends.Add(A.Append(Flow(name), await Open(Flow(name)), rows: [ofFlow(name)]));
                }
                Assert.Equal(AppendOutcome.Committed, await Together([.. appends]));
            }

            async Task CheckAsync(RunStatus run, string tag, StepStatus step, TaskStatus granted, TaskStatus put, AttemptRow attempt, int deployments, int tasksThatRun)
            {
                Assert.Equal(names.Order(StringComparer.Ordinal), (await ReadModel.ListRunsAsync(new RunFilter(A.Ns, Tag: tag), null, 100, default)).Items.Select(r => r.Run).Where(names.Contains).Order(StringComparer.Ordinal));
                foreach (var name in names)
                {
                    var found = (await ReadModel.GetRunAsync(A.Ns, name, default))!;
                    Assert.Equal((run, $"{tag} {name}"), (found.Status, string.Join(' ', found.Tags)));
                    Assert.Equal(A.Step(name, key, step), await ReadModel.GetStepAsync(A.Ns, name, key, default));
                    foreach (var split in (int[])[0, 1]) Assert.Equal(granted, (await ReadModel.GetTaskAsync(A.Ns, name, key, split, default))!.Status);
                    Assert.Equal(A.Task(name, key, 5, put), await ReadModel.GetTaskAsync(A.Ns, name, key, 5, default));
                    Assert.Equal([attempt with { Run = name }], (await ReadModel.ListAttemptsAsync(A.Ns, name, key, 5, default)).Where(a => a.Attempt == 1));
                    Assert.Equal(tasksThatRun, (await ReadModel.ListTasksAsync(A.Ns, name, new TaskFilter(Status: TaskStatus.Running), null, 10, default)).Items.Count);
                    Assert.Equal(A.Deployment(name, deployments), await ReadModel.GetDeploymentAsync(A.Ns, name, null, default));
                    Assert.Equal(deployments * 3, (await ReadModel.ReadHistoryAsync(A.Ns, name, 0, 100, default)).Count);
                }
            }
        }
    }

    [BackendFact]
    public async Task TwoAppendsOfOneStream_CannotGoTogether()
    {
        var opened = await Open(Run());

        await Assert.ThrowsAsync<ArgumentException>(() => Together(A.Append(Run(), opened), A.Append(Run(), opened, expected: 1)));
        await Assert.ThrowsAsync<ArgumentException>(() => Together());
    }

    [BackendFact]
    public async Task AStepOfARunThatWasMadeHere_IsOpenedWithoutALook_WhileItIsNew()
    {
        var step = Step("r1", A.Key());
        Assert.Null(Journal.TryOpenNew(step));
        Assert.Null(Journal.TryOpenNew(Run()));
        await Write(Run(), A.Run("r1"));

        var former = await Open(step);
        var opened = Journal.TryOpenNew(step)!;

        Assert.Equal((0, long.MaxValue), (opened.Sequence, opened.Acknowledged));
        Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(step, former)));
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(step, opened)));
        Assert.Null(Journal.TryOpenNew(step));
        Assert.Equal(1, (await Open(step)).Sequence);
        await ReopenAsync();
        Assert.Null(Journal.TryOpenNew(Step("r1", A.Key("other"))));
    }

    [BackendFact]
    public async Task ARunThatIsNotThere_BringsItsFirstStepAlong()
    {
        var run = Journal.AssumeNew(Run());
        var step = Journal.TryOpenNew(Step("r1", A.Key()))!;

        Assert.Equal(AppendOutcome.Committed, await Together(A.Append(Run(), run, rows: [A.Run("r1")]), A.Append(Step("r1", A.Key()), step)));

        Assert.Equal(1, (await Open(Step("r1", A.Key()))).Sequence);
        Assert.Equal(2, (await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 10, default)).Count);
    }

    [BackendFact]
    public async Task AStreamThatWasTakenForNew_AndIsNot_LosesItsFirstAppend_AndWhatWasThoughtOfItsSteps()
    {
        var step = Step("r1", A.Key());
        await Write(Run(), A.Run("r1"));
        await Write(step, A.Step("r1", A.Key()));
        await ReopenAsync();

        var run = Journal.AssumeNew(Run());
        var wrong = Journal.TryOpenNew(step);

        if (wrong is not null) Assert.Equal(AppendOutcome.Fenced, await Together(A.Append(Run(), run), A.Append(step, wrong)));
        else Assert.Equal(AppendOutcome.Fenced, await Append(A.Append(Run(), run)));
        Assert.Null(Journal.TryOpenNew(step));
        Assert.Equal(1, (await Open(step)).Sequence);
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Run(), await Open(Run()))));
    }

    private Task<AppendOutcome> Together(params Append[] appends) => Journal.AppendAsync(appends).WaitAsync(Patience);
}
