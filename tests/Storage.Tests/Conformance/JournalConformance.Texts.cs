using Fanfare.Contracts;
using Fanfare.Postgres;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Tests.Conformance;

public abstract partial class JournalConformance
{
    private static readonly string[] _oddTexts =
    [
        "", "\0", "a\0b", "\ud83d\ude80 \ud834\udd1e", "\ud83d", "a\ude80\ud83db", "\\u0000 \\x00 %s ' \" {} $1 \u0001\u007f\u2028\uffff\r\n\t", new string('\u65e5', 256 * 1024),
    ];

    /// <summary>What becomes of a text outside of events and JSON. Half of a surrogate pair is no character anywhere.</summary>
    protected virtual string Kept(string text) => Paired(text);

    [BackendFact]
    public async Task OddTexts_InEventsAndTheirActors_ComeBackAsTheyAre()
    {
        var opened = await Open(Run());
        var events = _oddTexts.Select((text, i) => new JournalEvent(i + 1, A.T0, text, new RunCancelRequested(text))).ToList();

        Assert.Equal(AppendOutcome.Committed, await Append(new Append { Stream = Run(), ExpectedSequence = 0, Epoch = opened.Epoch, Events = events, Rows = [], Wake = null }));

        foreach (var found in new IEnumerable<JournalEvent>[] { (await Open(Run())).Events, (await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 100, default)).Select(h => h.Entry) })
        {
            Assert.Equal(_oddTexts.Select(Kept), found.Select(e => e.Actor));
            // Events are JSON, which has a word for NUL.
            Assert.Equal(_oddTexts.Select(Paired), found.Select(e => ((RunCancelRequested)e.Event).Reason));
        }
    }

    [BackendFact]
    public async Task OddTexts_OfARun_ComeBack_AndItsTagsAreFound_AndReplaced()
    {
        for (var i = 0; i < _oddTexts.Length; i++)
        {
            var (written, kept) = (_oddTexts[i], Kept(_oddTexts[i]));
            var tag = written.Length > 1000 ? "long" : written;
            var row = A.Run($"r{i}", tags: [tag, "plain"], error: new TaskError("exit", written, 1)) with { Actor = written, Parameters = written, IdempotencyKey = written };
            await Write(Run($"r{i}"), row);

            var found = (await ReadModel.GetRunAsync(A.Ns, $"r{i}", default))!;
            Assert.Equal((kept, kept, kept), (found.Actor, found.Parameters, found.IdempotencyKey));
            Assert.Equal(Paired(written), found.Error!.Message);
            Assert.Equal([Kept(tag), "plain"], found.Tags);
            Assert.Contains((await ReadModel.ListRunsAsync(new RunFilter(A.Ns, Tag: tag), null, 10, default)).Items, r => r.Run == $"r{i}");
            await Write(Run($"r{i}"), row with { Tags = ["other"] });
            Assert.DoesNotContain((await ReadModel.ListRunsAsync(new RunFilter(A.Ns, Tag: tag), null, 10, default)).Items, r => r.Run == $"r{i}");
        }
    }

    [BackendFact]
    public async Task OddTexts_OfATask_ComeBack()
    {
        var key = A.Key();
        var rows = _oddTexts.Select((text, i) => A.Task("r1", key, i, TaskStatus.Succeeded, output: text, artifacts: [new Artifact(text, 1)]) with
        {
            Worker = text,
            Error = new TaskError(text, text, 3),
        });
        var attempts = _oddTexts.Select((text, i) => A.Attempt("r1", key, i, 0) with { Worker = text, Token = text, Error = new TaskError("exit", text, 3) });
        await Write(Step("r1", key), [.. rows, .. attempts]);

        var outputs = new List<string?>();
        await foreach (var output in ReadModel.ReadOutputsAsync(A.Ns, "r1", key, SplitRanges.FromRanges([(0, 100)]), default)) outputs.Add(output.Output);
        Assert.Equal(_oddTexts.Select(Kept), outputs);
        for (var i = 0; i < _oddTexts.Length; i++)
        {
            var (written, kept) = (_oddTexts[i], Kept(_oddTexts[i]));
            var task = (await ReadModel.GetTaskAsync(A.Ns, "r1", key, i, default))!;
            Assert.Equal((kept, kept), (task.Worker, task.Output));
            Assert.Equal((Paired(written), Paired(written)), (task.Error!.Type, task.Error.Message));
            Assert.Equal(Paired(written), task.Artifacts![0].Name);
            var attempt = Assert.Single(await ReadModel.ListAttemptsAsync(A.Ns, "r1", key, i, default));
            Assert.Equal((kept, kept, Paired(written)), (attempt.Worker, attempt.Token, attempt.Error!.Message));
        }
    }

    [BackendFact]
    public async Task OddTexts_OfADeployment_ComeBack()
    {
        var rows = _oddTexts.Select((text, i) => A.Deployment("etl", i + 1) with { Spec = text, Source = text, Actor = text, Digest = text, Package = text }).ToArray();
        await Write(Flow(), rows);

        for (var i = 0; i < _oddTexts.Length; i++)
        {
            var found = (await ReadModel.GetDeploymentAsync(A.Ns, "etl", i + 1, default))!;
            Assert.All(new[] { found.Spec, found.Source, found.Actor, found.Digest, found.Package }, text => Assert.Equal(Kept(_oddTexts[i]), text));
        }
    }

    private static string Paired(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
