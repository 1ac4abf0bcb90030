using System.Globalization;
using System.Xml.Linq;

namespace Fanfare.Pools.Tests.Fake;

/// <summary>A machine of the fake.</summary>
internal sealed class FakeInstance
{
    public required string Id { get; init; }

    public required string Type { get; init; }

    public required string Zone { get; init; }

    public required bool IsSpot { get; init; }

    public required Dictionary<string, string> Tags { get; init; }

    public required DateTimeOffset MadeAt { get; init; }

    public string State { get; set; } = "pending";

    public (string Code, string Message)? Reason { get; set; }

    /// <summary>Lists in which it is not shown yet.</summary>
    public int HiddenFor { get; set; }

    public bool IsLive => State is "pending" or "running";
}

internal sealed partial class FakeEc2
{
    private readonly Dictionary<string, (string Form, XElement[] Answer, List<FakeInstance> Made)> _tokens = [];
    private readonly List<FakeInstance> _instances = [];
    private int _lastId;

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Lists in which what is made from now on is not shown.</summary>
    public int HideFor { get; set; }

    /// <summary>What is refused, by kind, type and place (zone or subnet, or * for any), and with which code.</summary>
    public Dictionary<(CapacityKind Capacity, string Type, string Place), string> Refused { get; } = [];

    /// <summary>How many there are left of a type; of others there is no end.</summary>
    public Dictionary<string, int> Left { get; } = [];

    public List<SpotPrice> Prices { get; } = [];

    public List<MachineType> Types { get; } = [];

    public IReadOnlyList<FakeInstance> Instances
    {
        get
        {
            lock (_lock) return [.. _instances];
        }
    }

    /// <summary>EC2 takes a spot machine back.</summary>
    public void Interrupt(string id)
    {
        lock (_lock)
        {
            var instance = _instances.Single(i => i.Id == id);
            (instance.State, instance.Reason) = ("terminated", ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Instance terminated by Amazon EC2"));
        }
    }

    /// <summary>What was made by then is in every list.</summary>
    public void Show(DateTimeOffset madeUntil)
    {
        lock (_lock)
            foreach (var instance in _instances.Where(i => i.MadeAt <= madeUntil)) instance.HiddenFor = 0;
    }

    /// <summary>Nothing goes wrong any more.</summary>
    public void Calm()
    {
        lock (_lock) _troubles.Clear();
    }

    /// <summary>An empty account, without troubles.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _instances.Clear();
            _tokens.Clear();
            _asked.Clear();
            _troubles.Clear();
            Refused.Clear();
            Left.Clear();
            HideFor = 0;
        }
    }

    private XElement[] CreateFleet(Dictionary<string, string> fields)
    {
        if (fields["Type"] != "instant") throw new RefusedException(400, "InvalidParameterValue", "Only instant fleets are made here.");
        var token = fields["ClientToken"];
        if (token.Length > 64) throw new RefusedException(400, "InvalidParameterValue", "ClientToken has at most 64 characters.");
        var form = string.Join('\n', fields.OrderBy(f => f.Key, StringComparer.Ordinal));
        if (_tokens.TryGetValue(token, out var known))
        {
            if (known.Form != form) throw new RefusedException(400, "IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).");
            if (known.Made.Any(i => !i.IsLive)) throw new RefusedException(400, "IdempotentInstanceTerminated", "The client token you have provided is associated with a terminated instance.");
            return known.Answer;
        }
        var count = int.Parse(fields["TargetCapacitySpecification.TotalTargetCapacity"], CultureInfo.InvariantCulture);
        var kind = fields["TargetCapacitySpecification.DefaultTargetCapacityType"] == "spot" ? CapacityKind.Spot : CapacityKind.OnDemand;
        var tags = Tags(fields, "TagSpecification.1.Tag");
        List<XElement> made = [], errors = [];
        List<FakeInstance> instances = [];
        foreach (var (type, zone, subnet) in Overrides(fields))
        {
            if (count == 0) break;
            var place = subnet ?? zone ?? "";
            var code = new[] { (kind, type, place), (kind, type, "*"), (kind, "*", place) }.Select(k => Refused.GetValueOrDefault(k)).FirstOrDefault(c => c is not null);
            var some = code is not null ? 0 : Math.Min(count, Left.GetValueOrDefault(type, int.MaxValue));
            if (some < count) errors.Add(Item(Overridden(type, zone, subnet), new("lifecycle", Lifecycle(kind)), new("errorCode", code ?? (kind == CapacityKind.Spot ? "UnfulfillableCapacity" : "InsufficientInstanceCapacity")), new("errorMessage", $"No {type} in {place}.")));
            if (some == 0) continue;
            if (Left.ContainsKey(type)) Left[type] -= some;
            count -= some;
            var alike = Enumerable.Range(0, some).Select(_ => new FakeInstance
            {
                Id = $"i-{++_lastId:x17}",
                // What attributes come to.
                Type = type.Length > 0 ? type : "m7i.large",
                Zone = zone ?? "eu-central-1a",
                IsSpot = kind == CapacityKind.Spot,
                Tags = new(tags),
                MadeAt = Clock.GetUtcNow(),
                HiddenFor = HideFor,
            }).ToList();
            instances.AddRange(alike);
            made.Add(Item(Overridden(type, zone, subnet), new("lifecycle", Lifecycle(kind)), new("instanceIds", alike.Select(i => Item(i.Id))), new("instanceType", alike[0].Type), new("availabilityZone", alike[0].Zone)));
        }
        _instances.AddRange(instances);
        XElement[] answer = [new(Ns + "fleetId", $"fleet-{token}"), new(Ns + "errorSet", errors), new(Ns + "fleetInstanceSet", made)];
        _tokens[token] = (form, answer, instances);
        return answer;
    }

    private static IEnumerable<(string Type, string? Zone, string? Subnet)> Overrides(Dictionary<string, string> fields)
    {
        const string name = "LaunchTemplateConfigs.1.Overrides.";
        for (var i = 1; fields.Keys.Any(k => k.StartsWith($"{name}{i}.", StringComparison.Ordinal)); i++)
            yield return (fields.GetValueOrDefault($"{name}{i}.InstanceType", ""), fields.GetValueOrDefault($"{name}{i}.AvailabilityZone"), fields.GetValueOrDefault($"{name}{i}.SubnetId"));
    }

    private object[] DescribeInstances(Dictionary<string, string> fields)
    {
        // The first page of a list decides what it shows.
        if (!fields.ContainsKey("NextToken"))
            foreach (var hidden in _instances.Where(i => i.HiddenFor > 0)) hidden.HiddenFor--;
        var wanted = Enumerable.Range(1, fields.Count).TakeWhile(i => fields.ContainsKey($"Filter.{i}.Name")).Select(i => (Name: fields[$"Filter.{i}.Name"], Values: List(fields, $"Filter.{i}.Value"))).ToList();
        var shown = _instances.Where(i => i.HiddenFor == 0 && wanted.TrueForAll(w => w.Values.Contains(i.Tags.GetValueOrDefault(w.Name["tag:".Length..], "")))).ToList();
        foreach (var instance in shown.Where(i => i.State == "pending")) instance.State = "running";
        return Page(fields, "reservationSet", shown.Select(i => Item(new XElement(Ns + "reservationId", "r-" + i.Id), new XElement(Ns + "instancesSet", Shown(i)))));
    }

    private XElement[] Terminate(Dictionary<string, string> fields)
    {
        var ids = List(fields, "InstanceId");
        var unknown = ids.Where(id => _instances.TrueForAll(i => i.Id != id || i.HiddenFor > 0)).ToList();
        if (unknown.Count > 0) throw new RefusedException(400, "InvalidInstanceID.NotFound", $"The instance IDs '{string.Join(", ", unknown)}' do not exist");
        var found = _instances.Where(i => ids.Contains(i.Id)).ToList();
        if (found.Find(i => i.Tags.ContainsKey("protected")) is { } locked) throw new RefusedException(400, "OperationNotPermitted", $"The instance '{locked.Id}' may not be terminated.");
        foreach (var instance in found) (instance.State, instance.Reason) = ("terminated", ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"));
        return [new(Ns + "instancesSet", found.Select(i => Item(new XElement(Ns + "instanceId", i.Id))))];
    }

    private XElement[] CreateTags(Dictionary<string, string> fields)
    {
        foreach (var id in List(fields, "ResourceId"))
        {
            var instance = _instances.Find(i => i.Id == id && i.HiddenFor == 0) ?? throw new RefusedException(400, "InvalidInstanceID.NotFound", $"The instance ID '{id}' does not exist");
            foreach (var (key, value) in Tags(fields, "Tag")) instance.Tags[key] = value;
        }
        return [new(Ns + "return", "true")];
    }

    private static XElement Shown(FakeInstance i) => Item(
        new XElement(Ns + "instanceId", i.Id),
        new XElement(Ns + "instanceState", new XElement(Ns + "code", 16), new XElement(Ns + "name", i.State)),
        i.Reason is { } reason ? new XElement(Ns + "stateReason", new XElement(Ns + "code", reason.Code), new XElement(Ns + "message", reason.Message)) : new XElement(Ns + "reason"),
        new XElement(Ns + "instanceType", i.Type),
        new XElement(Ns + "launchTime", "2026-11-27T02:41:08.000Z"),
        new XElement(Ns + "placement", new XElement(Ns + "availabilityZone", i.Zone)),
        i.State == "running" ? new XElement(Ns + "privateIpAddress", "10.0.0.7") : null!,
        i.IsSpot ? new XElement(Ns + "instanceLifecycle", "spot") : null!,
        new XElement(Ns + "tagSet", i.Tags.Select(t => Item(new XElement(Ns + "key", t.Key), new XElement(Ns + "value", t.Value)))));

    private static XElement Price(SpotPrice p) => Item(
        new XElement(Ns + "instanceType", p.Type), new XElement(Ns + "availabilityZone", p.Zone), new XElement(Ns + "spotPrice", p.PerHour.ToString("0.000000", CultureInfo.InvariantCulture)), new XElement(Ns + "timestamp", p.Since.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)));

    private static XElement Type(MachineType t) => Item(
        new XElement(Ns + "instanceType", t.Name),
        new XElement(Ns + "supportedUsageClasses", Item("on-demand"), t.IsSpot ? Item("spot") : null!),
        new XElement(Ns + "processorInfo", new XElement(Ns + "supportedArchitectures", t.Architecture == "x86_64" ? Item("i386") : null!, Item(t.Architecture))),
        new XElement(Ns + "vCpuInfo", new XElement(Ns + "defaultVCpus", t.VCpus)),
        new XElement(Ns + "memoryInfo", new XElement(Ns + "sizeInMiB", t.MemoryMiB)),
        t.Gpus > 0 ? new XElement(Ns + "gpuInfo", new XElement(Ns + "gpus", Item(new XElement(Ns + "name", t.Gpu), new XElement(Ns + "count", t.Gpus))), new XElement(Ns + "totalGpuMemoryInMiB", t.GpuMemoryMiB)) : null!);

    private static XElement Overridden(string type, string? zone, string? subnet) => new(Ns + "launchTemplateAndOverrides", new XElement(Ns + "overrides",
        type.Length > 0 ? new XElement(Ns + "instanceType", type) : null!, zone is not null ? new XElement(Ns + "availabilityZone", zone) : null!, subnet is not null ? new XElement(Ns + "subnetId", subnet) : null!));

    private static string Lifecycle(CapacityKind kind) => kind == CapacityKind.Spot ? "spot" : "on-demand";

    private static XElement Item(params object[] content) => new(Ns + "item", content);

    private static XElement Item(XElement first, params (string Name, object Content)[] rest) => new(Ns + "item", first, rest.Select(r => new XElement(Ns + r.Name, r.Content)));
}
