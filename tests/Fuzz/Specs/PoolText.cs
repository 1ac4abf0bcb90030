using Fanfare.Fuzz.Kernel;

namespace Fanfare.Fuzz.Specs;

/// <summary>Files of pools: right ones, and what becomes of them.</summary>
internal static class PoolText
{
    private static readonly string[] Pools =
    [
        """{"name":"small","machine":{"cpu":2},"max":3}""",
        """{"name":"small","provider":"local","queues":["gpu","default"],"machine":{"cpu":7.5,"memory":"30GiB","gpu":1,"disk":"100GB"},"max":20,"min":1,"spare":2,"idle":"5m","register_within":"90s","lifetime":"1d"}""",
        """{"name":"small","provider":"ec2","machine":{"cpu":8},"max":1000,"ec2":{"template":"fanfare-gpu:7","types":["g6.2xlarge","g6.4xlarge"],"zones":["eu-central-1a","eu-central-1b"],"spot":"80%","on_demand_fallback":false,"max_price":0.40,"tags":{"team":"ml"}}}""",
        """{"name":"small","provider":"ec2","machine":{"cpu":8,"gpu":1},"max":5,"ec2":{"template":"lt-0a1b2c3d","subnets":["subnet-0a1b2c3d"],"spot":100,"needs":{"vcpus":8,"most_vcpus":16,"memory":"30GiB","most_memory":"64GiB","architecture":"x86_64","gpus":1,"most_gpus":2,"gpu_kinds":["l4"],"without":["t2.*"]}}}""",
    ];

    private static readonly string[] Members =
    [
        "name", "provider", "queues", "machine", "max", "min", "spare", "idle", "register_within", "lifetime", "ec2", "template", "types", "needs", "zones", "subnets", "spot", "on_demand_fallback", "max_price", "tags", "cpu", "memory", "gpu", "disk", "vcpus", "architecture",
    ];

    /// <summary>A pool as JSON, changed so often.</summary>
    /// <param name="name">In place of its own.</param>
    public static string Of(Draw draw, int changes, string name = "small") => JsonMutation.Of(draw.Among(Pools).Replace("\"small\"", $"\"{name}\"", StringComparison.Ordinal), draw, changes, Members);
}
