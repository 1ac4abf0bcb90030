using System.Text.Json;

namespace Fanfare.Contracts.Api;

// Bodies of /api/v1. All are in the default namespace unless the request names another with ?namespace=.
// Actors come from the header X-Fanfare-Actor, default "anonymous".

/// <summary>POST /api/v1/flows. <paramref name="Source"/> is the spec as YAML or JSON text.</summary>
/// <param name="Package">SHA-256 of a code package uploaded before with PUT /api/v1/packages/{sha256}.</param>
public sealed record DeployRequest(string Source, string? Package = null);

/// <summary>Answer to a deploy: 201 when new, 200 when the same deployment was there.</summary>
public sealed record DeployResponse(string Flow, int Deployment, string Digest, bool New);

/// <summary>GET /api/v1/flows[/{flow}] and /api/v1/flows/{flow}/deployments[/{version}].</summary>
/// <param name="DeletedAt">When its flow was deleted: then it is there for its runs alone. Only one that is asked for by its version has it.</param>
public sealed record FlowView(
    string Flow, int Deployment, string Digest, string? Description, string? Package, DateTimeOffset CreatedAt, string Actor,
    IReadOnlyList<ParameterSpec> Parameters, IReadOnlyList<string> Steps, string? Source, DateTimeOffset? DeletedAt = null);

/// <summary>Answer to DELETE /api/v1/flows/{flow}.</summary>
/// <param name="Deployment">The latest deployment that it had.</param>
/// <param name="New">False when it had been deleted before.</param>
public sealed record DeleteFlowResponse(string Flow, int Deployment, bool New);

/// <summary>GET /api/v1/schedules and /api/v1/flows/{flow}/schedules/{schedule}.</summary>
/// <param name="Due">When it starts a run next, as far as no run before holds it up; null while it is paused, and for one that has come to its end.</param>
/// <param name="Standing">What it is, and how it stands.</param>
public sealed record ScheduleView(string Flow, string Schedule, DateTimeOffset? Due, ScheduleStanding Standing);

/// <summary>A time at which a schedule will be due: GET /api/v1/schedules:upcoming.</summary>
/// <param name="Due">When its run starts: the interval's end, and the jitter.</param>
public sealed record ScheduleTime(string Flow, string Schedule, DateTimeOffset Due, DataInterval Interval);

/// <summary>POST /api/v1/flows/{flow}/schedules/{schedule}:pause, :resume.</summary>
public sealed record ScheduleCommandRequest(string? Reason = null);

/// <summary>POST /api/v1/flows/{flow}/runs. 201 when started, 200 when the idempotency key (also header Idempotency-Key) had started it.</summary>
public sealed record StartRunRequest
{
    public int? Deployment { get; init; }

    public IReadOnlyDictionary<string, JsonElement>? Parameters { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }

    public int Priority { get; init; }

    public string? IdempotencyKey { get; init; }
}

/// <summary>A run. Links are paths on the same server.</summary>
public sealed record RunView(
    string Run, string Flow, int Deployment, RunStatus Status, JsonElement Parameters, IReadOnlyList<string> Tags, int Priority,
    string? IdempotencyKey, string Actor, int Generation, DateTimeOffset CreatedAt, DateTimeOffset? EndedAt, TaskError? Error,
    string Page);

/// <summary>Answer to starting a run.</summary>
public sealed record StartRunResponse(string Run, string Flow, int Deployment, bool New, string Page);

/// <summary>An opening of a step and its counts; Waiting is what has not been leased.</summary>
public sealed record StepView(
    string Key, string Step, StepStatus Status, int Total, int Waiting, int Running, int Backoff, int Succeeded, int Failed, int Cancelled,
    DateTimeOffset OpenedAt, DateTimeOffset? EndedAt);

/// <summary>A task, <paramref name="Task"/> as in <c>train[3,1]</c>, the form used in URLs (percent-encoded).</summary>
public sealed record TaskView(
    string Task, string Step, SplitPath Splits, TaskStatus Status, int Attempt, string? Worker, DateTimeOffset? LeasedAt,
    DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, TaskError? Error, JsonElement? Output, IReadOnlyList<Artifact>? Artifacts);

public sealed record AttemptView(
    int Attempt, AttemptStatus Status, string Worker, DateTimeOffset LeasedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, TaskError? Error);

/// <summary>An event of a run's history; Id is also the id of the SSE stream.</summary>
public sealed record EventView(long Id, string Stream, long Sequence, DateTimeOffset At, string Actor, string Type, JsonElement Data);

/// <summary>POST /api/v1/runs/{run}:cancel, :pause, :resume, :retry.</summary>
public sealed record RunCommandRequest(string? Reason = null, string? FromStep = null);

public sealed record RunCommandResponse(string Run, RunStatus Status);

/// <summary>POST /api/v1/runs/{run}/tasks/{task}:kill, :retry, :skip.</summary>
public sealed record TaskCommandRequest(JsonElement? Output = null);

/// <summary>A page of a listing: pass <paramref name="Next"/> as ?cursor=.</summary>
public sealed record ListResponse<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>POST /api/v1/flows:validate. 200 also when there are errors.</summary>
public sealed record ValidateResponse(bool Valid, IReadOnlyList<SpecError> Errors);

/// <summary>GET /api/v1/version.</summary>
public sealed record VersionView(string Version, int JournalFormat, string Incarnation, int ProcessId, string DataDirectory);

/// <summary>Answer to POST /api/v1/server:drain.</summary>
/// <param name="HandedOver">False when the server that was asked had nothing to hand over, for it did not lead.</param>
/// <param name="Server">The server that was asked to hand over, as the others reach it.</param>
/// <param name="Leader">The one that leads now; null when that is not known, and where several share the work.</param>
public sealed record DrainResponse(bool HandedOver, string? Server, string? Leader);

/// <summary>A member of the <c>errors</c> of a problem details answer.</summary>
/// <param name="Field">Path of the field, or the name of the parameter.</param>
public sealed record FieldError(string Field, string Message, string Remedy, int? Line = null, int? Column = null);
