namespace Fanfare.Contracts;

/// <summary>A run as its users name it: by the number that the store gave it, or by the id that its creator did. Only one of the two is set.</summary>
public sealed record MetaflowRunKey(string Flow, long? Number, string? Id)
{
    /// <summary>Digits are a number, all else is an id.</summary>
    public static MetaflowRunKey Of(string flow, string run) => MetaflowIds.Number(run) is { } number ? new(flow, number, null) : new(flow, null, run);
}

/// <summary>A task as its users name it: by the number that the store gave it, or by the name that its creator did. Only one of the two is set.</summary>
public sealed record MetaflowTaskKey(MetaflowRunKey Run, string Step, long? Number, string? Name)
{
    /// <summary>Digits are a number, all else is a name.</summary>
    public static MetaflowTaskKey Of(MetaflowRunKey run, string step, string task) => MetaflowIds.Number(task) is { } number ? new(run, step, number, null) : new(run, step, null, task);
}

/// <summary>Which texts are numbers that the store gave.</summary>
public static class MetaflowIds
{
    /// <summary>The number of a text of digits; -1, which nothing has, where it is too large; null for any other text.</summary>
    public static long? Number(string text) =>
        text.Length == 0 || text.AsSpan().ContainsAnyExceptInRange('0', '9') ? null
        : long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : -1;
}

/// <summary>A flow that is known to Metaflow. Times are milliseconds since 1970; tags are JSON as they came.</summary>
public sealed record MetaflowFlow(string Flow, string? User, long CreatedMs, string Tags, string SystemTags);

/// <summary>A run. Its heartbeat is in seconds since 1970.</summary>
/// <param name="Id">What its creator called it; null where only its number names it.</param>
/// <param name="End">How far its last step is; null where that was not asked for.</param>
public sealed record MetaflowRun(string Flow, long Number, string? Id, string? User, long CreatedMs, long? HeartbeatS, string Tags, string SystemTags, MetaflowEnd? End = null);

/// <summary>What the metadata of a run's last step says of its end.</summary>
/// <param name="Ok">The newest value of <c>attempt_ok</c>; null for none.</param>
/// <param name="OkMs">When that was written.</param>
/// <param name="AttemptMs">When the last attempt began.</param>
public sealed record MetaflowEnd(string? Ok, long? OkMs, long? AttemptMs);

/// <summary>A step of a run. Its tags are the run's.</summary>
public sealed record MetaflowStep(string Step, string? User, long CreatedMs);

/// <summary>A task of a step. Its tags are the run's; its heartbeat is in seconds since 1970.</summary>
/// <param name="Name">What its creator called it; null where only its number names it.</param>
public sealed record MetaflowTask(string Step, long Number, string? Name, string? User, long CreatedMs, long? HeartbeatS);

/// <summary>One thing that a task says of itself.</summary>
public sealed record MetaflowDatum(long Id, string Step, long Task, string? TaskName, string Field, string Value, string Type, string? User, long CreatedMs, string Tags, string SystemTags);

/// <summary>Where a value that a task left lies. Its tags are the run's.</summary>
public sealed record MetaflowArtifact(
    string Step, long Task, string? TaskName, string Name, string Location, string DsType, string? Sha, string? Type, string? ContentType, string? User, int Attempt, long CreatedMs);

/// <summary>A flow to be made known.</summary>
public sealed record NewMetaflowFlow(string Flow, string? User, string Tags, string SystemTags);

/// <summary>A run to be made; the store gives it its number.</summary>
/// <param name="Beats">Whether its creator sends heartbeats, so that its silence means something from the start.</param>
public sealed record NewMetaflowRun(string Flow, string? Id, string? User, string Tags, string SystemTags, bool Beats);

/// <summary>A step to be made.</summary>
public sealed record NewMetaflowStep(MetaflowRunKey Run, string Step, string? User, string Tags, string SystemTags);

/// <summary>A task to be made; the store gives it its number.</summary>
/// <param name="Beats">Whether its creator sends heartbeats.</param>
public sealed record NewMetaflowTask(MetaflowRunKey Run, string Step, string? Name, string? User, string Tags, string SystemTags, bool Beats);

/// <summary>One of a post's metadata.</summary>
public sealed record NewMetaflowDatum(string Field, string Value, string Type, string? User, string Tags, string SystemTags);

/// <summary>What a task says of itself, in one post.</summary>
public sealed record NewMetaflowMetadata(MetaflowTaskKey Task, IReadOnlyList<NewMetaflowDatum> Items);

/// <summary>One of a post's artifacts.</summary>
public sealed record NewMetaflowArtifact(string Name, string Location, string DsType, string? Sha, string? Type, string? ContentType, string? User, int Attempt, string Tags, string SystemTags);

/// <summary>What a task left, in one post.</summary>
public sealed record NewMetaflowArtifacts(MetaflowTaskKey Task, IReadOnlyList<NewMetaflowArtifact> Items);

/// <summary>A sign of life of a run, or of a task and so of its run.</summary>
/// <param name="Task">Null for the run's own.</param>
public sealed record MetaflowHeartbeat(MetaflowRunKey Run, MetaflowTaskKey? Task);

/// <summary>Tags to take from a run and to give it, in this order. What is a system tag already is not given.</summary>
public sealed record MetaflowTagChange(MetaflowRunKey Run, IReadOnlyList<string> Add, IReadOnlyList<string> Remove);

/// <summary>What became of a write.</summary>
public enum MetaflowOutcome
{
    /// <summary>It is durable.</summary>
    Done,

    /// <summary>What it would belong to is not there.</summary>
    Missing,

    /// <summary>What it would make is there already.</summary>
    Exists,

    /// <summary>A rule forbids it: a system tag was to be taken away.</summary>
    Forbidden,
}

/// <summary>What became of a write, and what it made.</summary>
/// <param name="Value">The default unless it was done.</param>
/// <param name="Run">The run that it belongs to, whose tags are shown for what is in it; null for none.</param>
public sealed record MetaflowAnswer<T>(MetaflowOutcome Outcome, T? Value = default, MetaflowRun? Run = null);

/// <summary>Where a listing goes on: after the row of this place. What each listing orders by it says itself; the rest is left out.</summary>
public sealed record MetaflowPlace(long At, long Number = 0, string Name = "", string Step = "");

/// <summary>Which part of a run is asked for: all of it, a step, or a task.</summary>
/// <param name="Run">The run's number.</param>
/// <param name="Step">Null for all.</param>
/// <param name="Task">The task's number; null for all.</param>
public sealed record MetaflowScope(string Flow, long Run, string? Step = null, long? Task = null);
