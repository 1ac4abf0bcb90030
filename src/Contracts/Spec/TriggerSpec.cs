using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>What starts a flow: events, and ends of runs of other flows.</summary>
public sealed record TriggerSpec
{
    /// <summary>Unique in its flow.</summary>
    public required string Name { get; init; }

    /// <summary>What it listens to, in the order of the source.</summary>
    public required IReadOnlyList<TriggerSource> Sources { get; init; }

    /// <summary>True when it takes something of every source to start a run; false when anything of one does.</summary>
    public bool All { get; init; }

    /// <summary>With <see cref="All"/>: how far apart what starts a run may lie. Default: one day.</summary>
    public TimeSpan Within { get; init; } = TimeSpan.FromDays(1);

    /// <summary>JSON object of the parameters that its runs are given; what a source maps stands above it.</summary>
    public string Parameters { get; init; } = "{}";

    /// <summary>Of its runs. -100 to 100, default 0.</summary>
    public int Priority { get; init; }

    /// <summary>Tags of its runs, beside those of the flow.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];
}

/// <summary>One thing that a trigger listens to. Exactly one of <see cref="Event"/> and <see cref="Flow"/> is set.</summary>
public sealed record TriggerSource
{
    /// <summary>Name of an event.</summary>
    public string? Event { get; init; }

    /// <summary>Name of a flow: the ends of its runs.</summary>
    public string? Flow { get; init; }

    /// <summary>With <see cref="Flow"/>: how its run ended. Default: succeeded.</summary>
    public IReadOnlyList<RunStatus> Ends { get; init; } = [];

    /// <summary>What must hold of the payload; all of it.</summary>
    public IReadOnlyList<PayloadCondition> Where { get; init; } = [];

    /// <summary>Which parameters are given fields of the payload. A field that the payload lacks leaves the parameter as it is.</summary>
    public IReadOnlyList<PayloadMapping> Map { get; init; } = [];

    /// <summary>What is listened to, as <see cref="EventOrigin"/> says it of an event.</summary>
    [JsonIgnore]
    public EventOrigin Origin => Event is { } name ? new EventOrigin(EventKind.Event, name) : new EventOrigin(EventKind.RunEnd, Flow!);
}

/// <summary>What must hold of one field of a payload.</summary>
/// <param name="Path">Names of members, and numbers of items from 0, joined by dots: <c>order.items.0.id</c>.</param>
/// <param name="Value">JSON: what the field is compared with.</param>
public sealed record PayloadCondition(string Path, PayloadTest Test, string Value);

/// <summary>How a field is compared. Of a field that is not there, only <see cref="NotEqual"/>, <see cref="NotIn"/> and an <see cref="Exists"/> of false hold. Texts are compared by their code units.</summary>
public enum PayloadTest
{
    /// <summary>They are the same JSON value; numbers by their value.</summary>
    Equal,
    NotEqual,

    /// <summary>The field equals one item of the list.</summary>
    In,
    NotIn,

    /// <summary>Both are numbers, or both are texts.</summary>
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,

    /// <summary>Both are texts, and the field begins with the value.</summary>
    Prefix,
    Suffix,

    /// <summary>The field is there (true), or not (false); null is there.</summary>
    Exists,
}

/// <summary>A parameter that is given a field of the payload.</summary>
/// <param name="Path">As of a <see cref="PayloadCondition"/>; empty for the whole payload.</param>
public sealed record PayloadMapping(string Parameter, string Path);
