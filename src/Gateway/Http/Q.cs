namespace Fanfare.Gateway;

/// <summary>The query parameters of the API.</summary>
internal static class Q
{
    public const int DefaultLimit = 50, MaxLimit = 1000;

    public static readonly QueryParameter<string> Namespace = QueryKinds.Name("namespace", "The tenant. Default: default.");
    public static readonly QueryParameter<string> Cursor = QueryKinds.Text("cursor", "Where the page begins: next of the page before.", 4096);
    public static readonly QueryParameter<long?> Limit = QueryKinds.Number("limit", $"Most items in the page. Default: {DefaultLimit}.", 1, MaxLimit);

    public static readonly QueryParameter<string> SchedulesOf = QueryKinds.Name("flow", "Only schedules of this flow.");
    public static readonly QueryParameter<string> Schedule = QueryKinds.Name("schedule", "With flow: only this schedule of it.");
    public static readonly QueryParameter<long?> Count = QueryKinds.Number("count", "How many times to show. Default: 10.", 1, MaxLimit);

    public static readonly QueryParameter<string> BackfillsOf = QueryKinds.Name("flow", "Only backfills of this flow's schedules.");

    public static readonly QueryParameter<string> TriggersOf = QueryKinds.Name("flow", "Only triggers of this flow.");
    public static readonly QueryParameter<string> DeadLettersOf = QueryKinds.Name("flow", "Only what this flow's triggers could not start.");
    public static readonly QueryParameter<string> Trigger = QueryKinds.Name("trigger", "With flow: only of this trigger.");
    public static readonly QueryParameter<string> EventName = QueryKinds.Text("name", "Only events of this name, and ends of this flow's runs.", Limits.EventNameChars);

    public static readonly QueryParameter<string> NoticesOf = QueryKinds.Name("flow", "Only notices of this flow.");
    public static readonly QueryParameter<bool?> Dead = QueryKinds.Flag("dead", "true: only those that are a dead letter of some receiver.");

    public static readonly QueryParameter<string> Flow = QueryKinds.Name("flow", "Only runs of this flow.");
    public static readonly QueryParameter<RunStatus?> RunStatus = QueryKinds.Word<RunStatus>("status", "Only runs in this status.");
    public static readonly QueryParameter<string> Tag = QueryKinds.Text("tag", "Only runs with this tag.", Limits.TagChars);
    public static readonly QueryParameter<DateTimeOffset?> After = QueryKinds.Time("after", "Only runs created after this time.");
    public static readonly QueryParameter<DateTimeOffset?> Before = QueryKinds.Time("before", "Only runs created before this time.");
    public static readonly QueryParameter<bool?> Active = QueryKinds.Flag("active", "true: only runs that have not ended; false: only those that have.");
    public static readonly QueryParameter<long?> Deployment = QueryKinds.Number("deployment", "Only runs of this version of the flow.", 1, int.MaxValue);

    public static readonly QueryParameter<string> Step = QueryKinds.Name("step", "Only tasks of this step.");
    public static readonly QueryParameter<string> Key = QueryKinds.Text("key", "Only tasks of this opening of a step, as in train[3].", 512);
    public static readonly QueryParameter<TaskStatus?> TaskStatus = QueryKinds.Word<TaskStatus>("status", "Only tasks in this status.");
    public static readonly QueryParameter<long?> Attempt = QueryKinds.Number("attempt", "The attempt, from 0. Default: the latest.", 0, int.MaxValue);

    public static readonly QueryParameter<string> Stream = QueryKinds.OneOf("stream", "Only lines of this stream.", "out", "err", "fanfare");
    public static readonly QueryParameter<long?> Tail = QueryKinds.Number("tail", "Only this many of the last lines.", 0, 100_000);
    public static readonly QueryParameter<bool?> Follow = QueryKinds.Flag("follow", "Go on until the attempt ends.");
    public static readonly QueryParameter<long?> From = QueryKinds.Number("from", "Byte of the stored log to begin at: Fanfare-Log-Next of an answer before.", 0, long.MaxValue);

    public static readonly QueryParameter<long?> AfterPosition = QueryKinds.Number("after", "Position of the last event that is known; the header Last-Event-ID goes first.", 0, long.MaxValue);
    public static readonly QueryParameter<string> Package = QueryKinds.Text("package", "SHA-256 of an uploaded code package, for a body that is the spec itself.", 64);

    public static readonly QueryParameter<long?> LatestDeployment = QueryKinds.Number("deployment", "Only if this is the flow's latest deployment; 409 when it is another. Default: whichever is.", 1, int.MaxValue);

    public static readonly QueryParameter<string> LeaseTask = QueryKinds.Text("task", "The task's stream, namespace/step/run/frames:key.", 1024, required: true);
    public static readonly QueryParameter<long?> Split = QueryKinds.Number("split", "Split of the step's innermost foreach; 0 outside any.", 0, int.MaxValue, required: true);
    public static readonly QueryParameter<string> Token = QueryKinds.Text("token", "The lease's token.", 512, required: true);
    public static readonly QueryParameter<long?> Offset = QueryKinds.Number("offset", "Byte of the log at which the chunk belongs.", 0, long.MaxValue, required: true);
    public static readonly QueryParameter<string> ArtifactName = QueryKinds.Text("name", "Relative path of the artifact, with forward slashes.", 1024, required: true);
    public static readonly QueryParameter<long?> PublishedAttempt = QueryKinds.Number("attempt", "The accepted attempt, from 0.", 0, int.MaxValue, required: true);

    public static readonly QueryParameter<bool?> Forward = QueryKinds.Flag("forward", "false: only the server that is asked; one that does not lead answers so. Default: whichever leads.");

    public static string NamespaceOf(HttpContext http) => Namespace.Read(http) ?? "default";

    public static int LimitOf(HttpContext http) => (int)(Limit.Read(http) ?? DefaultLimit);
}
