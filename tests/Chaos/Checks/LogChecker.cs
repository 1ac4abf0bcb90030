using Fanfare.Chaos.Workload;

namespace Fanfare.Chaos.Checks;

/// <summary>The log of an accepted attempt was delivered before its end was reported: it is whole, and nothing stands in it twice.</summary>
internal static class LogChecker
{
    public static async Task<IReadOnlyList<Violation>> CheckAsync(Insistence client, IEnumerable<KeyValuePair<(string Run, string Task), TaskView>> tasks, CancellationToken cancel)
    {
        var violations = new List<Violation>();
        foreach (var ((run, task), view) in tasks)
        {
            if (view.Status != TaskStatus.Succeeded) continue;
            var (_, log) = await client.AskAsync(HttpMethod.Get, FormattableString.Invariant($"{Picture.TaskPath(run, task)}/logs?attempt={view.Attempt}&stream=out"), null, cancel);
            if (Complaint(task, view.Attempt, log) is { } what) violations.Add(new Violation(run, long.MaxValue, $"run {run}: {what}"));
        }
        return violations;
    }

    /// <summary>Null when the log is as <c>task.sh</c> wrote it.</summary>
    public static string? Complaint(string task, int attempt, string log) =>
        FormattableString.Invariant($"begin {task} {attempt}\nend {task} {attempt}\n") == log ? null : $"{task} attempt {attempt} was accepted, and its log is '{log}'";
}
