namespace Fanfare.Contracts;

/// <summary>The sizes that are checked at the edge. Each is documented in docs/limits.md.</summary>
public static class Limits
{
    /// <summary>Bytes of a task's outputs, as UTF-8 JSON.</summary>
    public const int OutputBytes = 256 * 1024;

    /// <summary>Bytes up to which a task's inputs travel in its lease; above, they come as a JSON Lines file.</summary>
    public const int InlineInputBytes = 1024 * 1024;

    /// <summary>Bytes of a flow spec's source text.</summary>
    public const int SpecBytes = 1024 * 1024;

    /// <summary>Bytes of a run's parameters, as UTF-8 JSON.</summary>
    public const int ParameterBytes = 256 * 1024;

    /// <summary>Bytes of one request body, but for packages, logs and artifacts.</summary>
    public const int RequestBytes = 8 * 1024 * 1024;

    /// <summary>Steps in one flow.</summary>
    public const int Steps = 1000;

    /// <summary>Frames (foreach and static splits) around one step, and depth of a document.</summary>
    public const int MaxNesting = 32;

    /// <summary>Splits of one foreach.</summary>
    public const int Splits = 10_000_000;

    /// <summary>Times that one loop may go round, whatever its own bound says.</summary>
    public const int LoopRounds = 1_000_000;

    /// <summary>Tags of a run, and characters in one.</summary>
    public const int Tags = 64, TagChars = 128;

    /// <summary>Schedules of one flow.</summary>
    public const int Schedules = 100;

    /// <summary>Intervals of one backfill, runs of it that go on at a time, and backfills of one schedule that go on.</summary>
    public const int BackfillIntervals = 10_000, BackfillParallel = 1000, OpenBackfills = 100;

    /// <summary>Triggers of one flow, and sources of one trigger.</summary>
    public const int Triggers = 100, TriggerSources = 32;

    /// <summary>Bytes of an event's payload, as UTF-8 JSON, and characters of its name.</summary>
    public const int PayloadBytes = 256 * 1024, EventNameChars = 256;

    /// <summary>Rules of one flow about who is told, and receivers of one rule.</summary>
    public const int NotifyRules = 20, NotifyReceivers = 10;

    /// <summary>Characters of the templates of a message's title and text, and of what is made of them.</summary>
    public const int TitleTemplateChars = 512, TextTemplateChars = 4096, TitleChars = 200, TextChars = 8000;

    /// <summary>Receivers of one server.</summary>
    public const int Receivers = 200;

    /// <summary>Runs that are listed with a schedule, of those that go on.</summary>
    public const int ListedRuns = 10;

    /// <summary>Characters of an error message kept in the history; the full text is in the log.</summary>
    public const int ErrorChars = 4096;

    /// <summary>Bytes of log kept for one attempt and stream, then a line that says so.</summary>
    public const long LogBytes = 64L * 1024 * 1024;

    /// <summary>Bytes of one log line; a longer one is cut, and says so.</summary>
    public const int LogLineBytes = 64 * 1024;

    /// <summary>Bytes of a code package, compressed.</summary>
    public const long PackageBytes = 64L * 1024 * 1024;
}
