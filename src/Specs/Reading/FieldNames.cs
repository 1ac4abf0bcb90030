namespace Fanfare.Specs.Reading;

/// <summary>The fields that each part of a flow has, which docs/flow.schema.json lists too, and those of a pool.</summary>
internal static class FieldNames
{
    public static readonly IReadOnlyList<string> Flow =
        ["name", "description", "start", "parameters", "tags", "timeout", "on_failure", "finally", "schedules", "triggers", "notify", "steps"];

    public static readonly IReadOnlyList<string> Parameter = ["type", "default", "required", "help", "sensitive"];

    public static readonly IReadOnlyList<string> Schedule =
    [
        "cron", "dialect", "every", "timezone", "gap", "repeat", "start", "end", "jitter", "missed", "overlap", "parallel", "queue", "parameters", "interval_start", "interval_end", "priority", "tags",
    ];

    public static readonly IReadOnlyList<string> Trigger = ["event", "flow", "ends", "where", "map", "any", "all", "within", "parameters", "priority", "tags"];

    public static readonly IReadOnlyList<string> TriggerSource = ["event", "flow", "ends", "where", "map"];

    public static readonly IReadOnlyList<string> Notify = ["on", "to", "within", "title", "text"];

    public static readonly IReadOnlyList<string> PayloadTests = ["eq", "ne", "in", "not_in", "lt", "le", "gt", "ge", "prefix", "suffix", "exists"];

    public static readonly IReadOnlyList<string> Step =
    [
        "description", "run", "env", "workdir", "warm", "resources", "queue", "timeout", "grace", "retry", "catch", "priority", "max_parallel",
        "gang", "join", "next",
    ];

    /// <summary>Fields of a step that will mean something, and what each asks for until then.</summary>
    public static readonly IReadOnlyDictionary<string, string> Reserved = new Dictionary<string, string>
    {
        ["image"] = "tasks run as processes of the worker's machine, not in containers",
        ["wait"] = "no step waits for a duration, an event or an approval",
        ["flow"] = "a step cannot run another flow",
    };

    public static readonly IReadOnlyList<string> Secret = ["secret"];

    public static readonly IReadOnlyList<string> Resources = ["cpu", "memory", "gpu", "disk"];

    public static readonly IReadOnlyList<string> Retry = ["max_attempts", "max_losses", "backoff", "exit_codes"];

    public static readonly IReadOnlyList<string> Backoff = ["initial", "factor", "max", "jitter"];

    public static readonly IReadOnlyList<string> Catch = ["output"];

    public static readonly IReadOnlyList<string> Join = ["any", "tolerate"];

    public static readonly IReadOnlyList<string> Foreach = ["foreach", "over"];

    public static readonly IReadOnlyList<string> Switch = ["switch", "cases", "default", "max_loops"];

    public static readonly IReadOnlyList<string> Over = ["output", "range", "file"];

    public static readonly IReadOnlyList<string> Range = ["parameter"];

    public static readonly IReadOnlyList<string> Pool = ["name", "provider", "queues", "machine", "max", "min", "spare", "idle", "register_within", "lifetime", "ec2"];

    public static readonly IReadOnlyList<string> Ec2 = ["template", "types", "needs", "zones", "subnets", "spot", "on_demand_fallback", "max_price", "tags"];

    public static readonly IReadOnlyList<string> MachineNeeds = ["vcpus", "most_vcpus", "memory", "most_memory", "architecture", "gpus", "most_gpus", "gpu_kinds", "without"];
}
