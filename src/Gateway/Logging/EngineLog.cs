using Fanfare.Core;
using Fanfare.Engine;

namespace Fanfare.Gateway;

/// <summary>Writes into the log what the engine says, and what became durable of runs (<c>Fanfare.Runs</c>) and attempts (<c>Fanfare.Attempts</c>): what went well from <c>debug</c> on, what failed from <c>information</c> on, what was lost from <c>warning</c> on.</summary>
public sealed class EngineLog(ServerLog log) : IEngineLog
{
    public const string Runs = "Fanfare.Runs", Attempts = "Fanfare.Attempts";

    private readonly ILogger _engine = log.CreateLogger("Fanfare.Engine"), _runs = log.CreateLogger(Runs), _attempts = log.CreateLogger(Attempts);

    public void Warn(string message, StreamId? about) => _engine.Log(LogLevel.Warning, default, about is { } stream ? LogFields.OfStream(stream) : LogFields.None, null, (_, _) => message);

    public bool Takes(Event landed) => Level(landed) is { } level && LoggerOf(landed).IsEnabled(level);

    public void Landed(Entity entity, JournalEvent entry)
    {
        if (Level(entry.Event) is not { } level) return;
        var message = entity switch
        {
            RunEntity run => OfRun(run.Id.Name, entry),
            StepEntity step => OfAttempt(step, entry.Event),
            _ => null,
        };
        if (message is { } said) LoggerOf(entry.Event).Log(level, default, said.Fields(entity), null, (_, _) => said.Words);
    }

    private ILogger LoggerOf(Event landed) => landed is RunStarted or RunRetried or RunEnded ? _runs : _attempts;

    // Null for what is not logged.
    private static LogLevel? Level(Event landed) => landed switch
    {
        RunEnded { Status: RunStatus.Failed } => LogLevel.Information,
        RunStarted or RunRetried or RunEnded => LogLevel.Debug,
        TaskLost or TaskFailed { Error.Type: "losses" } => LogLevel.Warning,
        TaskFailed { Attempt: >= 0 } or TaskSucceeded { Caught: not null } or ResultRefused => LogLevel.Information,
        TaskLeased or TaskSucceeded or TaskCancelled { Attempt: >= 0 } => LogLevel.Debug,
        _ => null,
    };

    private static Said OfRun(string run, JournalEvent entry) => entry.Event switch
    {
        RunStarted e => new(entity => FieldsOf((RunEntity)entity, e.Flow), $"Run {run} of {e.Flow} was started by {entry.Actor}."),
        RunRetried => new(entity => FieldsOf((RunEntity)entity, null), $"Run {run} was retried by {entry.Actor}."),
        RunEnded e => new(entity => FieldsOf((RunEntity)entity, null), $"Run {run} {e.Status.ToString().ToLowerInvariant()}{(e.Error is { } error ? $": {error.Message}" : ".")}"),
        _ => throw new InvalidOperationException($"{entry.Event.GetType().Name} is no event of a run that is logged."),
    };

    private static Said? OfAttempt(StepEntity step, Event landed) => landed switch
    {
        TaskLeased e => Of(step, e.Split, e.Attempt, $"was leased to {e.Worker}.", e.Worker),
        TaskSucceeded { Caught: { } error } e => Of(step, e.Split, e.Attempt, $"failed, which the step catches: {error.Message}"),
        TaskSucceeded e => Of(step, e.Split, e.Attempt, FormattableString.Invariant($"succeeded after {(e.EndedAt - e.StartedAt).TotalSeconds:0.###} s.")),
        TaskFailed e => Of(step, e.Split, e.Attempt, $"{(e.Error.Type == "losses" ? "was lost" : "failed")}{(e.RetryAt is null ? " for good" : "")}: {e.Error.Message}"),
        TaskLost e => Of(step, e.Split, e.Attempt, $"was lost: {e.Reason}."),
        TaskCancelled e => Of(step, e.Split, e.Attempt, "was cancelled."),
        ResultRefused e => new(entity => LogFields.OfStream(entity.Id), $"A result of worker {e.Worker} for split {e.Split} of step {step.Key} in run {step.Id.RunId} was refused: its lease had ended."),
        _ => null,
    };

    private static Said Of(StepEntity step, int split, int attempt, string what, string? worker = null)
    {
        var task = new TaskRef(step.Id.Namespace, step.Id.RunId!, step.Key, split);
        var name = task.Name(step.Node.InForeach);
        return new(_ => LogFields.OfAttempt(task, name, attempt, step.Run!.Flow, worker), string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Attempt {attempt} of {name} in run {task.Run} {what}"));
    }

    private static LogFields FieldsOf(RunEntity run, string? flow) => LogFields.OfRun(run.Id.Namespace, run.Id.Name, flow ?? (run.CurrentRow as RunRow)?.Flow, (run.CurrentRow as RunRow)?.Generation ?? 0);

    private sealed record Said(Func<Entity, LogFields> Fields, string Words);
}
