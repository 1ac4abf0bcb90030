using System.Globalization;
using Fanfare.Contracts;

namespace Fanfare.Worker;

/// <summary>How a worker is set up. <see cref="Validate"/> names every mistake at once.</summary>
public sealed record WorkerOptions
{
    /// <summary>The worker's name, unique among the workers of its gateways. Default: the machine's name.</summary>
    public string Name { get; init; } = Environment.MachineName;

    /// <summary>Base addresses of the gateways, in order of preference; one that does not answer is left for the next.</summary>
    public required IReadOnlyList<Uri> Servers { get; init; }

    /// <summary>Where task directories, packages, and the list of live processes are kept. One worker at a time may use it.</summary>
    public required string WorkDirectory { get; init; }

    /// <summary>A directory with one file for each secret, for those not given as <c>FANFARE_SECRET_NAME</c>. Default: none.</summary>
    public string? SecretsDirectory { get; init; }

    /// <summary>Queues served, in order of preference. Default: all.</summary>
    public IReadOnlyList<string> Queues { get; init; } = [];

    /// <summary>Cores offered, instead of those detected. Default: null, as detected.</summary>
    public int? Slots { get; init; }

    /// <summary>Bytes of memory offered, instead of those detected. Default: null, as detected.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>GPUs offered: the first of those detected, and no more than there are. Default: null, all that are detected.</summary>
    public int? Gpus { get; init; }

    /// <summary>All resources offered, instead of those detected. Default: null, as detected.</summary>
    public ResourceSpec? Capacity { get; init; }

    /// <summary>Access token sent to the gateways. Tasks never see it. Default: none.</summary>
    public string? Token { get; init; }

    /// <summary>How long a gateway may hold a poll when it has nothing to say; one second later the worker gives up on that
    /// gateway. At most a third of the lease term that the gateway names. Between 100 ms and 30 s. Default: 20 s.</summary>
    public TimeSpan PollWait { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Longest time between SIGTERM and SIGKILL when the worker itself stops; a step's own shorter grace counts. Default: 2 s.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>What processes that outlive their task's first process get between SIGTERM and SIGKILL. Default: 500 ms.</summary>
    public TimeSpan LingerGrace { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Bytes of unpacked code packages kept; beyond that the least recently used go. Default: 4 GiB.</summary>
    public long PackageCacheBytes { get; init; } = 4L << 30;

    /// <summary>Names of further variables that tasks get from the worker's environment; see <see cref="TaskEnvironment"/>. Default: none.</summary>
    public IReadOnlyList<string> PassEnvironment { get; init; } = [];

    /// <summary>Most fork servers kept for steps that have one (<see cref="Contracts.StepSpec.Warm"/>). 0: every task starts cold. At most 1,000. Default: 8.</summary>
    public int WarmServers { get; init; } = 8;

    /// <summary>Name or IP address under which other workers reach this machine, for tasks that work together as a gang. Default: null, the address from which it speaks to its servers.</summary>
    public string? Address { get; init; }

    /// <summary>How it learns that EC2 takes its machine back; <see cref="SpotOptions.Find"/> says whether it should. Default: null, it does not look.</summary>
    public SpotOptions? Spot { get; init; }

    /// <summary>How long no gateway has to answer for the worker to stop for good, its tasks with it. More than twice <see cref="PollWait"/>. Default: null, it waits for ever.</summary>
    public TimeSpan? LeaveAfter { get; init; }

    /// <summary>A delegated cgroup v2 directory under which tasks get their own, for memory limits. Default: the worker's own
    /// cgroup, where it is delegated.</summary>
    public string? CgroupDirectory { get; init; }

    /// <summary>The name alone: the token does not belong in a log.</summary>
    public override string ToString() => $"worker {Name}";

    /// <summary>All that is wrong, each with the field, the rule and the remedy; empty when all is well.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (Name.Length is 0 or > 128 || !Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
            errors.Add($"Name: '{Name}' has to be 1 to 128 letters, digits, '.', '-' and '_'. Give the worker such a name.");
        if (Servers.Count == 0) errors.Add("Servers: a worker needs a gateway. Give at least one base address, such as http://127.0.0.1:8080.");
        foreach (var server in Servers)
            if (!server.IsAbsoluteUri || server.Scheme is not ("http" or "https"))
                errors.Add($"Servers: '{server}' is not an absolute http or https address. Write it like http://127.0.0.1:8080.");
        if (string.IsNullOrWhiteSpace(WorkDirectory)) errors.Add("WorkDirectory: it must not be empty. Name a directory that this worker alone uses.");
        foreach (var queue in Queues)
            if (!Names.IsValid(queue)) errors.Add($"Queues: '{queue}' is no queue's name: {Names.Rule}. Correct or remove it.");
        if (Slots is < 1 or > 100_000) errors.Add($"Slots: {Slots} is not between 1 and 100,000. Leave it out to offer all cores.");
        if (Capacity is { } c && (!(c.Cpu > 0) || c.MemoryBytes < 0 || c.Gpu < 0 || c.DiskBytes < 0))
            errors.Add("Capacity: cores must be above zero, and nothing negative. Leave it out to offer what is detected.");
        if (Slots is not null && Capacity is not null) errors.Add("Slots: it cannot be given together with Capacity. Set the cores in Capacity.");
        if (MemoryBytes is < 1 or > 1L << 50) errors.Add($"MemoryBytes: {MemoryBytes} is not between 1 byte and 1024 TiB. Leave it out to offer all memory.");
        if (Gpus is < 0 or > 1000) errors.Add($"Gpus: {Gpus} is not between 0 and 1,000. Leave it out to offer all GPUs.");
        if ((MemoryBytes is not null || Gpus is not null) && Capacity is not null)
            errors.Add($"{(MemoryBytes is not null ? "MemoryBytes" : "Gpus")}: it cannot be given together with Capacity. Set it in Capacity.");
        if (LeaveAfter is { } leave && (leave <= 2 * PollWait || leave > TimeSpan.FromDays(365)))
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"LeaveAfter: {leave} is not above twice the poll wait ({2 * PollWait.TotalSeconds:0.###} s) and at most 365 days. Leave it out to wait for ever."));
        if (Token is { } t && (t.Length == 0 || t.Any(char.IsControl) || !t.All(char.IsAscii)))
            errors.Add("Token: it must be printable ASCII. Leave it out when the gateways ask for none.");
        if (Address is { } a && Uri.CheckHostName(a) == UriHostNameType.Unknown)
            errors.Add($"Address: '{a}' is no host name and no IP address. Give what other machines reach this one by, without a port.");
        if (PollWait < TimeSpan.FromMilliseconds(100) || PollWait > TimeSpan.FromSeconds(30))
            errors.Add($"PollWait: {PollWait} is not between 100 ms and 30 s. The default is 20 s.");
        if (StopGrace < TimeSpan.Zero || StopGrace > TimeSpan.FromHours(1)) errors.Add($"StopGrace: {StopGrace} is not between 0 and 1 h. The default is 2 s.");
        if (LingerGrace < TimeSpan.Zero || LingerGrace > TimeSpan.FromMinutes(1)) errors.Add($"LingerGrace: {LingerGrace} is not between 0 and 1 min. The default is 500 ms.");
        if (PackageCacheBytes < 0) errors.Add("PackageCacheBytes: it cannot be negative. The default is 4 GiB.");
        if (WarmServers is < 0 or > 1000) errors.Add($"WarmServers: {WarmServers} is not between 0 and 1,000. The default is 8; 0 starts every task cold.");
        if (Spot is { } spot) errors.AddRange(spot.Validate());
        foreach (var name in PassEnvironment)
            if (!TaskEnvironment.IsVariableName(name) || name.StartsWith("FANFARE_", StringComparison.Ordinal))
                errors.Add($"PassEnvironment: '{name}' cannot be passed on: a name has letters, digits and '_', and none starts with FANFARE_. Remove it.");
        return errors;
    }
}
