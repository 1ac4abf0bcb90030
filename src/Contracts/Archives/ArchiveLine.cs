using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>A line of an archive; exactly one member is set. The format is in docs/retention.md.</summary>
public sealed record ArchiveLine
{
    /// <summary>The first line.</summary>
    public ArchiveHead? Archive { get; init; }

    /// <summary>The deployment that the run was of, without which its events mean nothing.</summary>
    public DeploymentRow? Deployment { get; init; }

    public RunRow? Run { get; init; }

    public ArchivedEvent? Event { get; init; }

    public StepRow? Step { get; init; }

    public TaskRow? Task { get; init; }

    public AttemptRow? Attempt { get; init; }

    /// <summary>The last line; without it the archive is not whole.</summary>
    public ArchiveEnd? End { get; init; }
}

/// <param name="Format">Always <see cref="Name"/>.</param>
/// <param name="Version">Of the archive's format; a reader refuses a newer one.</param>
/// <param name="Incarnation">Of the journal that the run was in.</param>
public sealed record ArchiveHead(string Format, int Version, string Namespace, string Run, string Flow, RunStatus Status, DateTimeOffset EndedAt, DateTimeOffset ArchivedAt, string Incarnation)
{
    public const string Name = "fanfare-archive";

    public const int Newest = 1;
}

/// <summary>An event as the journal held it.</summary>
/// <param name="Position">In the whole journal.</param>
/// <param name="Version">Of the journal's format in which the payload was written.</param>
public sealed record ArchivedEvent(long Position, StreamId Stream, long Sequence, DateTimeOffset At, string Actor, int Version, JsonElement Payload);

/// <summary>How many lines of each kind there are.</summary>
/// <param name="Sha256">Of all bytes before this line, uncompressed, in hexadecimal.</param>
public sealed record ArchiveEnd(long Events, long Steps, long Tasks, long Attempts, string Sha256);

/// <summary>The JSON form of archives.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters = [typeof(SnakeCaseEnums)])]
[JsonSerializable(typeof(ArchiveLine))]
public sealed partial class ArchiveJson : JsonSerializerContext;
