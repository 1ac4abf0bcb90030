using Fanfare.Contracts;
using Fanfare.Postgres;

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
