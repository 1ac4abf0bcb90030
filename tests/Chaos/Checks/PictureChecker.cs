using System.Text.Json;
using Fanfare.Chaos.Sites;

namespace Fanfare.Chaos.Checks;

/// <summary>Holds what the API says against the journal, and against what it said before a restart.</summary>
internal sealed class PictureChecker(Reading reading, HistoryChecker history, IReadOnlyList<AttemptFate> fates)
{
    private readonly List<Violation> _violations = [];

    public IReadOnlyList<Violation> Check(Picture picture)
    {
        foreach (var (run, life) in history.Runs)
        {
            if (!picture.Runs.TryGetValue(run, out var view)) Complain(run, "the journal has it, the API has not");
            else if (view.Status != life.Ended?.Status || view.Generation != life.Generation)
                Complain(run, $"the API says {view.Status} in generation {view.Generation}, the journal {life.Ended?.Status} in generation {life.Generation}");
        }
        foreach (var run in picture.Runs.Keys.Where(r => !history.Runs.ContainsKey(r))) Complain(run, "the API has it, the journal has not");
        CheckHistories(picture);
        CheckAttempts(picture);
        CheckTasks(picture);
        return _violations;
    }

    /// <summary>Complains of each thing that the API says otherwise after a restart.</summary>
    public static IReadOnlyList<Violation> Differences(Picture before, Picture after)
    {
        var violations = new List<Violation>();
        Compare("run", before.Runs, after.Runs, run => run);
        Compare("step", before.Steps, after.Steps, step => step.Run);
        Compare("task", before.Tasks, after.Tasks, task => task.Run);
        Compare("attempts", before.Attempts, after.Attempts, task => task.Run);
        Compare("history", before.Histories, after.Histories, run => run);
        return violations;

        void Compare<TKey, TValue>(string what, IReadOnlyDictionary<TKey, TValue> first, IReadOnlyDictionary<TKey, TValue> second, Func<TKey, string> run)
            where TKey : notnull
        {
            foreach (var key in first.Keys.Union(second.Keys))
            {
                var (was, now) = (Text(first, key), Text(second, key));
                if (was != now) violations.Add(new Violation(run(key), long.MaxValue, $"{what} {key} was {was} before the restart, and is {now} after it"));
            }
        }
    }

    private void CheckHistories(Picture picture)
    {
        var journal = reading.Events.Where(e => e.Stream.RunId is not null).ToLookup(e => e.Stream.RunId!);
        foreach (var (run, events) in picture.Histories)
        {
            var told = events.Select(e => $"{e.Id} {e.Stream} {e.Sequence}");
            if (!told.SequenceEqual(journal[run].Select(e => $"{e.Position} {e.Stream} {e.Entry.Sequence}"))) Complain(run, "the API's history is not the journal's");
        }
    }

    private void CheckAttempts(Picture picture)
    {
        foreach (var task in fates.GroupBy(f => (f.Run, f.Task)))
        {
            if (!picture.Attempts.TryGetValue(task.Key, out var views)) continue;
            var (told, written) = (Words(views.Select(v => (v.Attempt, v.Status, v.Worker))), Words(task.Select(f => (f.Leased.Attempt, f.Status, f.Leased.Worker))));
            if (told != written) Complain(task.Key.Run, $"attempts of {task.Key.Task} are {told} by the API, {written} by the journal");
        }
    }

    // The last event of a task says what it came to; where a retry of its step came later, that has sent it back.
    private void CheckTasks(Picture picture)
    {
        var last = new Dictionary<(string Run, string Task), Event>();
        foreach (var recorded in reading.Events)
        {
            if (recorded.Entry.Event is StepRetried)
                foreach (var task in last.Keys.Where(t => t.Run == recorded.Stream.RunId && StepOf(t.Task) == recorded.Stream.StepKey.Step).ToList()) last.Remove(task);
            if (recorded.Entry.Event is TaskSucceeded or TaskSkipped or TaskFailed or TaskRetried or TaskLeased or TaskLost or TaskCancelled)
                last[(recorded.Stream.RunId!, reading.NameOf(recorded.Stream, SplitOf(recorded.Entry.Event)))] = recorded.Entry.Event;
        }
        foreach (var (task, e) in last)
        {
            TaskStatus? status = e switch
            {
                TaskSucceeded { Caught: null } => TaskStatus.Succeeded,
                TaskSucceeded => TaskStatus.Caught,
                TaskSkipped => TaskStatus.Skipped,
                TaskFailed { RetryAt: null } => TaskStatus.Failed,
                TaskLeased => TaskStatus.Running,
                _ => null,
            };
            if (status is null) continue;
            if (!picture.Tasks.TryGetValue(task, out var view)) Complain(task.Run, $"the API has no {task.Task}, which is {status} by the journal");
            else if (view.Status != status) Complain(task.Run, $"{task.Task} is {view.Status} by the API, {status} by the journal");
            else if (e is TaskSucceeded { Caught: null, Output: var output } && !SameJson(output, view.Output)) Complain(task.Run, $"{task.Task} put out {view.Output} by the API, {output} by the journal");
        }
    }

    private static bool SameJson(string? text, JsonElement? value) => text is null ? value is null : value is { } given && Json.SameObject.Equals(text, Json.Compact(given));

    private static int SplitOf(Event e) => e switch
    {
        TaskSucceeded t => t.Split,
        TaskSkipped t => t.Split,
        TaskFailed t => t.Split,
        TaskRetried t => t.Split,
        TaskLeased t => t.Split,
        TaskLost t => t.Split,
        TaskCancelled t => t.Split,
        _ => throw new InvalidOperationException($"{e} is of no task."),
    };

    private static string StepOf(string task) => task.IndexOfAny(['[', '#']) is var end and >= 0 ? task[..end] : task;

    private static string Words(IEnumerable<(int Attempt, AttemptStatus Status, string Worker)> attempts) =>
        string.Join(", ", attempts.OrderBy(a => a.Attempt).Select(a => $"{a.Attempt} {a.Status} on {a.Worker}"));

    private static string Text<TKey, TValue>(IReadOnlyDictionary<TKey, TValue> all, TKey key)
        where TKey : notnull => all.TryGetValue(key, out var value) ? JsonSerializer.Serialize(value) : "nothing";

    private void Complain(string run, string what) => _violations.Add(new Violation(run, long.MaxValue, $"run {run}: {what}"));
}
