using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>A workflow as its author means it, after reading and defaulting. This record's JSON is the canonical,
/// stored form (its digest identifies a deployment); authors write the YAML or JSON of docs/flow.md.</summary>
public sealed record FlowSpec
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    /// <summary>In the order of the source.</summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; init; } = [];

    /// <summary>In the order of the source.</summary>
    public required IReadOnlyList<StepSpec> Steps { get; init; }

    /// <summary>Name of the step a run begins with. Default: <c>start</c>.</summary>
    public string Start { get; init; } = "start";

    /// <summary>Longest a run may take, measured from its start; null for no bound.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Steps run one after another when the run failed or timed out, before <see cref="Finally"/>.</summary>
    public IReadOnlyList<string> OnFailure { get; init; } = [];

    /// <summary>Steps run one after another at the end of a run, whatever its outcome.</summary>
    public IReadOnlyList<string> Finally { get; init; } = [];

    /// <summary>Tags that every run of this flow gets.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>When runs start by themselves, in the order of the source; null for none.</summary>
    public IReadOnlyList<ScheduleSpec>? Schedules { get; init; }

    /// <summary>What starts runs by itself beside these, in the order of the source; null for nothing.</summary>
    public IReadOnlyList<TriggerSpec>? Triggers { get; init; }

    /// <summary>Who is told of outcomes, in the order of the source; null for nobody.</summary>
    public IReadOnlyList<NotifySpec>? Notify { get; init; }

    public StepSpec? Step(string name) => Steps.FirstOrDefault(s => s.Name == name);
}

public enum ParameterType
{
    String,
    Int,
    Float,
    Bool,
    Json,
}

/// <summary>A typed parameter of a flow. Without a default it is required.</summary>
public sealed record ParameterSpec
{
    public required string Name { get; init; }

    public ParameterType Type { get; init; } = ParameterType.String;

    public bool Required { get; init; }

    /// <summary>JSON text of the default; null where there is none.</summary>
    public string? Default { get; init; }

    public string? Help { get; init; }

    /// <summary>Masked in logs and listings; must be given as a secret's name, never as a value.</summary>
    public bool Sensitive { get; init; }
}

/// <summary>A node of the flow's graph: one command, and how it is run.</summary>
public sealed record StepSpec
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    public required CommandSpec Run { get; init; }

    /// <summary>Argument vector of a fork server that starts the step's tasks in place of <see cref="Run"/>, faster; null for none. A worker may always run the command itself.</summary>
    public IReadOnlyList<string>? Warm { get; init; }

    public IReadOnlyList<EnvSpec> Env { get; init; } = [];

    /// <summary>Relative to the flow's code package. Default: its root.</summary>
    public string? Workdir { get; init; }

    public ResourceSpec Resources { get; init; } = ResourceSpec.Default;

    public string Queue { get; init; } = "default";

    /// <summary>Longest one attempt may take; null for no bound.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Between SIGTERM and SIGKILL at a timeout or a cancel. Default: 10 s.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    public RetrySpec Retry { get; init; } = RetrySpec.Default;

    /// <summary>When set, a task whose attempts are used up stores its error under this output and the flow goes on.</summary>
    public string? CatchOutput { get; init; }

    /// <summary>Added to the run's priority; higher goes first. -100 to 100, default 0.</summary>
    public int Priority { get; init; }

    /// <summary>Most tasks of one opening of this step that run at a time; null for no bound.</summary>
    public int? MaxParallel { get; init; }

    /// <summary>True when the tasks of a foreach work as one at this step: all of them start together or none does, and when one has to start again all do. Null when each is on its own.</summary>
    public bool? Gang { get; init; }

    /// <summary>Set on a step that joins a split.</summary>
    public JoinSpec? Join { get; init; }

    /// <summary>Where the flow goes next; null ends it here.</summary>
    public NextSpec? Next { get; init; }
}

/// <summary>An argument vector, or a shell string that runs under <c>/bin/sh -c</c>. Exactly one is set.</summary>
public sealed record CommandSpec(IReadOnlyList<string>? Argv, string? Shell);

/// <summary>An environment variable: a literal value, or the name of a secret that the worker resolves.</summary>
public sealed record EnvSpec(string Name, string? Value, string? Secret);

/// <summary>What one task takes. CPU in cores, memory and disk in bytes, GPUs in devices.</summary>
public sealed record ResourceSpec(double Cpu, long MemoryBytes, int Gpu, long DiskBytes)
{
    /// <summary>One core; no memory or disk claim, and therefore no memory limit.</summary>
    public static readonly ResourceSpec Default = new(1, 0, 0, 0);

    public bool FitsIn(ResourceSpec free) => Cpu <= free.Cpu + 1e-9 && MemoryBytes <= free.MemoryBytes && Gpu <= free.Gpu && DiskBytes <= free.DiskBytes;

    /// <summary>How often this fits in what is free, at most 2,147,483,647 times; negative or 0 when it does not.</summary>
    public int TimesIn(ResourceSpec free)
    {
        var fits = (double)int.MaxValue;
        if (Cpu > 0) fits = Math.Min(fits, Math.Floor((free.Cpu + 1e-9) / Cpu));
        if (MemoryBytes > 0) fits = Math.Min(fits, free.MemoryBytes / MemoryBytes);
        if (Gpu > 0) fits = Math.Min(fits, free.Gpu / Gpu);
        if (DiskBytes > 0) fits = Math.Min(fits, free.DiskBytes / DiskBytes);
        return (int)fits;
    }

    public ResourceSpec Minus(ResourceSpec other) => new(Cpu - other.Cpu, MemoryBytes - other.MemoryBytes, Gpu - other.Gpu, DiskBytes - other.DiskBytes);

    public ResourceSpec Plus(ResourceSpec other) => new(Cpu + other.Cpu, MemoryBytes + other.MemoryBytes, Gpu + other.Gpu, DiskBytes + other.DiskBytes);
}

/// <summary>How often, and after what delay, a failed attempt is followed by another.</summary>
public sealed record RetrySpec
{
    public static readonly RetrySpec Default = new();

    /// <summary>Attempts that may end by the user's own failure. Default: 1, that is no retry.</summary>
    public int MaxAttempts { get; init; } = 1;

    /// <summary>Attempts that may be lost by the platform (worker died, lease expired) before the task fails. Default: 20.</summary>
    public int MaxLosses { get; init; } = 20;

    /// <summary>Delay before the second attempt. Default: 1 s.</summary>
    public TimeSpan InitialDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Factor from one delay to the next. Default: 2.</summary>
    public double Factor { get; init; } = 2;

    /// <summary>Longest delay. Default: 5 min.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Share of the delay drawn at random, 0 to 1. Default: 0.2, that is between 80 % and 100 % of the delay.</summary>
    public double Jitter { get; init; } = 0.2;

    /// <summary>Exit codes that are retried; null for all.</summary>
    public IReadOnlyList<int>? ExitCodes { get; init; }
}

public enum JoinKind
{
    /// <summary>After all members; a failed one fails the join.</summary>
    All,

    /// <summary>After the first <see cref="JoinSpec.Count"/> members succeeded; what still runs is cancelled.</summary>
    Any,

    /// <summary>After all members; up to <see cref="JoinSpec.Count"/> of them may have failed.</summary>
    Tolerate,
}

public sealed record JoinSpec(JoinKind Kind, int Count)
{
    public static readonly JoinSpec All = new(JoinKind.All, 0);
}

/// <summary>Where the flow goes after a step.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(GoTo), "goto")]
[JsonDerivedType(typeof(StaticSplit), "split")]
[JsonDerivedType(typeof(Foreach), "foreach")]
[JsonDerivedType(typeof(Switch), "switch")]
public abstract record NextSpec;

/// <summary>On to one step.</summary>
public sealed record GoTo(string Step) : NextSpec;

/// <summary>On to several steps at once, which a join brings together.</summary>
public sealed record StaticSplit(IReadOnlyList<string> Steps) : NextSpec;

/// <summary>One task of <paramref name="Step"/> for each item of <paramref name="Over"/>.</summary>
public sealed record Foreach(string Step, ForeachSource Over) : NextSpec;

/// <summary>On to the case named by output <paramref name="Output"/> (a string, or a bool or number as JSON writes it),
/// else to <paramref name="Default"/>; no match and no default fails the task. A case that leads back to an earlier
/// step makes a loop, taken at most <paramref name="MaxLoops"/> times in one frame.</summary>
public sealed record Switch(string Output, IReadOnlyList<SwitchCase> Cases, string? Default, int? MaxLoops) : NextSpec;

public sealed record SwitchCase(string Value, string Step);

/// <summary>What a foreach goes over.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(OverRange), "range")]
[JsonDerivedType(typeof(OverOutput), "output")]
[JsonDerivedType(typeof(OverFile), "file")]
public abstract record ForeachSource;

/// <summary>The integers from <paramref name="Start"/> up to but without <paramref name="Stop"/>. With
/// <paramref name="StopParameter"/> the stop is that integer parameter of the run.</summary>
public sealed record OverRange(long Start, long Stop, long Step, string? StopParameter = null) : ForeachSource;

/// <summary>The list that the step put out under this name; an integer n there means the range 0 to n - 1.</summary>
public sealed record OverOutput(string Output) : ForeachSource;

/// <summary>The lines of a JSON Lines file that the step wrote, relative to its artifact directory.</summary>
public sealed record OverFile(string Path) : ForeachSource;

/// <summary>Reads and writes the canonical form of a spec.</summary>
public static class FlowSpecJson
{
    public static string Write(FlowSpec spec) => JsonSerializer.Serialize(spec, ContractsJson.Default.FlowSpec);

    /// <summary>Whether a spec in its canonical form has schedules or triggers. A quotation mark inside a text is escaped, so this is none.</summary>
    public static bool StartsByItself(string json) => json.Contains("\"schedules\":[", StringComparison.Ordinal) || json.Contains("\"triggers\":[", StringComparison.Ordinal);

    /// <exception cref="JournalFormatException">It is no spec that was ever written.</exception>
    public static FlowSpec Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, StoredJson.FlowSpec) ?? throw new JsonException("A flow spec cannot be null.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or ArgumentException)
        {
            throw new JournalFormatException($"A stored flow spec cannot be read: {error.Message} The journal is damaged, or a different release wrote it. Start that release, or restore the data directory from a backup.", error);
        }
    }
}

/// <summary>A complaint about a spec: where, what is wrong, the rule, and what to do about it.
/// Line and column count from 1; 0 where the place is not known.</summary>
public sealed record SpecError(int Line, int Column, string Path, string Message, string Remedy)
{
    public override string ToString() => $"{Line}:{Column}: {Path}: {Message} {Remedy}";
}
