using Fanfare.Cli.Output;

namespace Fanfare.Cli.Running;

/// <summary>Progress as plain lines, for files, pipes and CI logs: one for each change of a step, at most one a second
/// for its counts.</summary>
internal sealed class LineProgress(TextWriter writer, TimeProvider clock) : ProgressView
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, (StepProgress Step, long At)> _shown = [];
    private readonly Lock _lock = new();
    private RunStatus? _status;

    public override void Update(RunSnapshot snapshot)
    {
        lock (_lock)
        {
            var now = clock.GetTimestamp();
            var time = Words.Duration(snapshot.Elapsed(clock.GetUtcNow()));
            if (_status is not null && _status != snapshot.Run.Status && !snapshot.Run.Status.IsTerminal())
                writer.WriteLine($"{time,8}  run is {Words.Of(snapshot.Run.Status)}");
            _status = snapshot.Run.Status;
            foreach (var step in snapshot.Steps)
            {
                var known = _shown.TryGetValue(step.Step, out var shown);
                if (known && Counts(shown.Step) == Counts(step)) continue;
                var due = !known || shown.Step.Status != step.Status || snapshot.Run.Status.IsTerminal() || clock.GetElapsedTime(shown.At, now) >= Quiet;
                if (!due) continue;
                _shown[step.Step] = (step, now);
                writer.WriteLine($"{time,8}  {step.Step}: {Counts(step)}");
            }
            writer.Flush();
        }
    }

    public override void Note(string text)
    {
        lock (_lock)
        {
            writer.WriteLine($"{"",8}  {text}");
            writer.Flush();
        }
    }

    public override void Log(string task, LogLine line)
    {
        lock (_lock) writer.WriteLine($"{"",8}  {task} {(line.Stream == "out" ? "|" : "!")} {Words.Printable(line.Text)}");
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string Counts(StepProgress step)
    {
        var parts = new List<string> { $"{step.Done}/{step.Total} done" };
        if (step.Running > 0) parts.Add($"{step.Running} running");
        if (step.Backoff > 0) parts.Add($"{step.Backoff} to be tried again");
        if (step.Failed > 0) parts.Add($"{step.Failed} failed");
        if (step.Cancelled > 0) parts.Add($"{step.Cancelled} cancelled");
        return step.Status == StepStatus.Open ? string.Join(", ", parts) : $"{Words.Of(step.Status)}, {string.Join(", ", parts)}";
    }
}
