namespace Fanfare.Contracts;

/// <summary>Names that all of Fanfare's instruments share. The instruments themselves stand with what they measure, in one class a project (<c>EngineInstruments</c>, …); docs/telemetry.md lists them all.</summary>
/// <remarks>Attributes have few values, known beforehand: ids of runs, names of flows (but for the few that fail again and again), tasks and workers belong into logs.</remarks>
public static class Telemetry
{
    /// <summary>Name of every meter.</summary>
    public const string Meter = "Fanfare";

    /// <summary>How something ended.</summary>
    public const string Outcome = "fanfare.outcome";

    /// <summary>Why something happened.</summary>
    public const string Cause = "fanfare.cause";

    /// <summary>In which state those that are counted are.</summary>
    public const string State = "fanfare.state";

    /// <summary>Name of a queue; of more than a node keeps apart, the rest is one.</summary>
    public const string Queue = "fanfare.queue";

    /// <summary>Name of a flow whose runs fail one after another; of more than a node tells apart, the rest is one.</summary>
    public const string Flow = "fanfare.flow";

    /// <summary>Kind of an entity, or of a dead letter.</summary>
    public const string Kind = "fanfare.kind";

    /// <summary>An attribute with its value, to be made once and used for each measurement.</summary>
    public static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
