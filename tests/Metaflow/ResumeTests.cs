using System.Text.Json;

namespace Fanfare.Metaflow;

/// <summary>Runs that resume others: what succeeded there is taken over, and only the rest runs.</summary>
public sealed class ResumeTests
{
    private const string Flow = "again";

    private static readonly string[] _artifacts = ["pid", "word", "words", "way", "round", "sides", "broken", "factor", "origin"];

    [MetaflowFact]
    public async Task ARunThatFailedInAForeach_IsResumed_AndSoIsTheRunThatResumedIt()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync(Flow, "fanfare", "create", "--tag", "nightly");
        await File.WriteAllTextAsync(site.In("frail"), "");
        // What fails waits for what runs beside it, which would be cancelled then.
        var first = await FailedBesideAsync(site, () => site.TriggerAsync(Flow, "--place", site.In(""), "--broken", "work1"), "work1", "work[0]", "work[2]");

        // Parameters that are not given are those of the run that is resumed, a required one among them.
        var second = await FailedBesideAsync(site, () => site.ResumeAsync(Flow, first.Run, "--broken", "left"), "left", "right#2.0");
        AssertTakenOver(first, second);
        Assert.Equal($"{first.Run}/work-0", second.From("work/work-0"));
        Assert.Null(second.From("work/work-1"));
        // It failed once, and is taken over from the attempt that succeeded.
        Assert.Equal("c", second.Value("work/work-2", "word").GetString());
        Assert.Contains("Cloned from Again/" + first.Run, await site.DoneAsync(Flow, "fanfare", "logs", second.Run, "work[0]"), StringComparison.Ordinal);

        var third = await SucceededAsync(site, await site.ResumeAsync(Flow, second.Run, "--broken", "nowhere"));
        AssertTakenOver(second, third);
        Assert.Equal($"{second.Run}/work-1", third.From("work/work-1"));
        foreach (var task in new[] { "join/join", "choose/choose", "odd/odd", "turn/turn", "turn/turn.l1", "turn/turn.l2", "left_and_right/left_and_right.l2" }) Assert.NotNull(third.From(task));
        foreach (var task in new[] { "left/left.l2.0", "meet/meet.l2", "end/end.l2" }) Assert.Null(third.From(task));
        Assert.Equal(["a", "b", "c"], third.Value("end/end.l2", "words").EnumerateArray().Select(word => word.GetString()));
        Assert.Equal(["left", "right"], third.Value("end/end.l2", "sides").EnumerateArray().Select(side => side.GetString()));
        Assert.Equal(2, third.Value("end/end.l2", "round").GetInt32());
        // What runs knows what its run resumes; and sees the parameters of its own run, not of what it follows.
        Assert.Equal(second.Run, third.Value("end/end.l2", "origin").GetString());
        Assert.Equal(("work1", "left", "nowhere"), (third.Value("work/work-0", "broken").GetString(), third.Value("join/join", "broken").GetString(), third.Value("end/end.l2", "broken").GetString()));
        Assert.Contains("nightly", (await site.ReadAsync($"Again/{third.Run}")).GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));

        // Once more, and nothing is left to run.
        var fourth = await SucceededAsync(site, await site.ResumeAsync(Flow, third.Run));
        AssertTakenOver(third, fourth);
        Assert.DoesNotContain(fourth.Tasks.Keys, task => fourth.From(task) is null);
        Assert.True((await site.ReadAsync($"Again/{fourth.Run}", "words")).GetProperty("successful").GetBoolean());
    }

    [MetaflowFact]
    public async Task WhatWasCancelledBesideAFailure_IsTakenOver_IfItWasDone()
    {
        await using var site = await MetaflowSite.StartAsync(slots: 3);
        await site.DoneAsync(Flow, "fanfare", "create");
        string[] waits = ["hold-work0", "hold-work1", "linger-work2"];
        foreach (var wait in waits) await File.WriteAllTextAsync(site.In(wait), "");
        var run = await site.TriggerAsync(Flow, "--place", site.In(""), "--broken", "work1");
        foreach (var wait in waits) await Eventually.FileAsync(site.In(wait + ".seen"));
        File.Delete(site.In("hold-work1"));

        var first = await FailedAsync(site, run);
        Assert.Equal(["work[0]", "work[2]"], (await site.Api.TasksAsync(run)).Where(task => task.Status == TaskStatus.Cancelled).Select(task => task.Task).Order());
        Assert.Equal(("False", "killed by SIGTERM"), await EndAsync(site, run, "work-0"));
        Assert.Null(first.Pid("work/work-0"));
        // It had said all to Metaflow, and only had not ended yet.
        Assert.Equal(("True", "killed by SIGTERM"), await EndAsync(site, run, "work-2"));
        Assert.True(first.IsOk("work/work-2"));

        foreach (var wait in waits) File.Delete(site.In(wait));
        var second = await SucceededAsync(site, await site.ResumeAsync(Flow, run, "--broken", "nowhere"));
        AssertTakenOver(first, second);
        Assert.Equal(["start/start", "work/work-2"], second.Tasks.Keys.Where(task => second.From(task) is not null).Order());
    }

    [MetaflowFact]
    public async Task FromAStepOn_WithOtherParameters_AnotherWayIsTaken()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync(Flow, "fanfare", "create");
        var first = await SucceededAsync(site, await site.TriggerAsync(Flow, "--place", site.In("")));

        var (code, said) = await site.PythonAsync(["read_resumed.py", "Again", first.Run, """{"step_to_rerun": "join", "factor": 2}"""]);
        Assert.True(code == 0, said);
        var answer = JsonDocument.Parse(said.TrimEnd().Split('\n')[^1]).RootElement;
        Assert.Equal("SUCCEEDED", answer.GetProperty("status").GetString());
        var second = await ReadAsync(site, answer.GetProperty("run").GetString()!);

        Assert.Equal(["start/start", "work/work-0", "work/work-1", "work/work-2"], second.Tasks.Keys.Where(task => second.From(task) is not null).Order());
        // What was taken over keeps to the parameters that it ran with.
        Assert.Equal((1, 2, 2), (second.Value("work/work-0", "factor").GetInt32(), second.Value("join/join", "factor").GetInt32(), second.Value("end/end.l2", "factor").GetInt32()));
        Assert.Equal("""["a", "b", "c"]""", second.Value("end/end.l2", "words").GetRawText());
        Assert.Equal(("odd", "even"), (first.Value("end/end.l2", "way").GetString(), second.Value("end/end.l2", "way").GetString()));

        var (none, refused) = await site.FlowAsync(Flow, "fanfare", "resume", "--origin-run-id", first.Run, "--step-to-rerun", "nope");
        Assert.NotEqual(0, none);
        Assert.Contains("Again has no step nope. Its steps: start,", refused, StringComparison.Ordinal);
        (none, refused) = await site.FlowAsync(Flow, "fanfare", "resume", "--origin-run-id", "r-none");
        Assert.NotEqual(0, none);
        Assert.Contains("There is no run r-none of Again on Fanfare", refused, StringComparison.Ordinal);
    }

    [MetaflowFact]
    public async Task WhatIsLeftFromBeforeAStepRanAgain_IsNotTakenOver_AndAttemptsBeyondMetaflowsAre()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync(Flow, "fanfare", "create");
        await File.WriteAllTextAsync(site.In("broken-work1"), "");
        var run = await site.TriggerAsync(Flow, "--place", site.In(""));
        // Two attempts each; Metaflow knows six.
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(RunStatus.Failed, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
            if (round == 2) File.Delete(site.In("broken-work1"));
            await site.DoneAsync(Flow, "fanfare", "retry", run);
        }
        var first = await SucceededAsync(site, run);
        Assert.Contains("work/work-1.a1", first.Tasks.Keys);

        var second = await SucceededAsync(site, await site.ResumeAsync(Flow, run, "--step-to-rerun", "end"));
        Assert.Equal($"{run}/work-1.a1", second.From("work/work-1"));
        Assert.Equal(["end/end.l2"], second.Tasks.Keys.Where(task => second.From(task) is null));

        // Its first step runs again, and nothing after it: that is left from before.
        await File.WriteAllTextAsync(site.In("hold-start"), "");
        await site.DoneAsync(Flow, "fanfare", "retry", run, "--step-to-rerun", "start");
        await site.DoneAsync(Flow, "fanfare", "suspend", run);
        File.Delete(site.In("hold-start"));
        await Eventually.TrueAsync(async () => (await site.Api.TasksAsync(run)).Any(task => task is { Task: "start", Status: TaskStatus.Succeeded }), "The first step's end");
        var third = await SucceededAsync(site, await site.ResumeAsync(Flow, run));
        Assert.Equal(["start/start"], third.Tasks.Keys.Where(task => third.From(task) is not null));
    }

    // All that succeeded there, and nothing else; the artifacts are the same ones.
    private static void AssertTakenOver(Read origin, Read run)
    {
        foreach (var (name, task) in origin.Tasks.Where(task => origin.IsOk(task.Key)))
        {
            Assert.Equal($"{origin.Run}/{name.Split('/')[1]}", run.From(name));
            Assert.Equal(task.GetProperty("shas").GetRawText(), run.Tasks[name].GetProperty("shas").GetRawText());
            Assert.Equal(task.GetProperty("values").GetRawText(), run.Tasks[name].GetProperty("values").GetRawText());
        }
        // One that was ended early has none.
        var pids = origin.Tasks.Keys.Select(origin.Pid).OfType<int>().ToHashSet();
        foreach (var name in run.Tasks.Keys.Where(name => !origin.IsOk(name)))
        {
            Assert.Null(run.From(name));
            Assert.DoesNotContain(run.Value(name, "pid").GetInt32(), pids);
        }
    }

    /// <summary>Whether Metaflow's metadata says of a task that it succeeded, and what of a signal that ended it.</summary>
    private static async Task<(string? Ok, string? End)> EndAsync(MetaflowSite site, string run, string task)
    {
        var (code, said) = await site.PythonAsync(["read_metadata.py", $"Again/{run}/work/{task}"]);
        Assert.True(code == 0, said);
        var metadata = JsonDocument.Parse(said).RootElement;
        return (metadata.GetProperty("attempt_ok").GetString(), metadata.GetProperty("fanfare-end").GetString());
    }

    private static async Task<Read> SucceededAsync(MetaflowSite site, string run)
    {
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        return await ReadAsync(site, run);
    }

    private static async Task<Read> FailedAsync(MetaflowSite site, string run)
    {
        Assert.Equal(RunStatus.Failed, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        return await ReadAsync(site, run);
    }

    /// <summary>Starts a run, and lets what is broken fail when the tasks beside it have succeeded.</summary>
    private static async Task<Read> FailedBesideAsync(MetaflowSite site, Func<Task<string>> start, string broken, params string[] beside)
    {
        await File.WriteAllTextAsync(site.In("hold-" + broken), "");
        var run = await start();
        await Eventually.TrueAsync(async () => (await site.Api.TasksAsync(run)).Count(task => beside.Contains(task.Task) && task.Status == TaskStatus.Succeeded) == beside.Length, $"The ends of {string.Join(", ", beside)}");
        File.Delete(site.In("hold-" + broken));
        return await FailedAsync(site, run);
    }

    private static async Task<Read> ReadAsync(MetaflowSite site, string run) => new(run, await site.ReadTasksAsync($"Again/{run}", _artifacts));

    private sealed record Read(string Run, IReadOnlyDictionary<string, JsonElement> Tasks)
    {
        public bool IsOk(string task) => Tasks.TryGetValue(task, out var there) && there.GetProperty("ok").GetBoolean();

        public string? From(string task) => Tasks[task].GetProperty("from").GetString();

        public int? Pid(string task) => Tasks[task].GetProperty("values").TryGetProperty("pid", out var pid) ? pid.GetInt32() : null;

        public JsonElement Value(string task, string artifact) => Tasks[task].GetProperty("values").GetProperty(artifact);
    }
}
