using System.Globalization;
using System.Xml.Linq;
using Amazon.Runtime;

namespace Fanfare.Pools.Ec2;

/// <summary>EC2 by its Query protocol. Signs with the credentials of the AWS SDK; tries again by itself what may go well then.</summary>
public sealed class Ec2Client : IEc2, IDisposable
{
    /// <summary>Most that EC2 gives in one page.</summary>
    private const int InstancesPage = 1000, PricesPage = 1000, TypesPage = 100;

    /// <summary>Values of one filter; EC2 takes 200.</summary>
    private const int NamesAtOnce = 100;

    private readonly Ec2Connection _connection;
    private readonly TimeProvider _clock;

    internal Ec2Client(Ec2Options options, Ec2Place place, AWSCredentials credentials, TimeProvider clock, Func<double> chance) =>
        (_connection, _clock) = (new Ec2Connection(options, place, credentials, clock, chance), clock);

    /// <summary>A client with the region, endpoint and credentials that the options and the environment say. Sends EC2 nothing.</summary>
    /// <param name="clock">For waits and timeouts; signatures have the time of the AWS SDK.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or there is no region; says what to set.</exception>
    /// <exception cref="InstanceProviderException">There are no credentials.</exception>
    public static async Task<Ec2Client> OpenAsync(Ec2Options options, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var place = Ec2Place.Of(options, Environment.GetEnvironmentVariable);
        return new Ec2Client(options, place, await Ec2Place.FindCredentialsAsync(cancellationToken).ConfigureAwait(false), clock, Random.Shared.NextDouble);
    }

    public void Dispose() => _connection.Dispose();

    public async Task<FleetAnswer> CreateFleetAsync(FleetRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var answer = await _connection.CallAsync(FleetForm.Of(request), cancellationToken).ConfigureAwait(false);
        return new FleetAnswer(
            [.. answer.Items("fleetInstanceSet").Select(made => Instances(made, request.Offering.Capacity))],
            [.. answer.Items("errorSet").Select(Error)]);
    }

    public async Task<IReadOnlyList<Ec2Instance>> DescribeInstancesAsync(IReadOnlyDictionary<string, string> tags, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tags);
        var found = new List<Ec2Instance>();
        await ForPagesAsync(InstancesPage, () =>
        {
            var form = new Ec2Form(Ec2Action.DescribeInstances);
            var number = 0;
            foreach (var (key, value) in tags.OrderBy(t => t.Key, StringComparer.Ordinal)) form.AddFilter(++number, "tag:" + key, [Literal(value)]);
            return form;
        }, page => found.AddRange(page.Items("reservationSet").SelectMany(r => r.Items("instancesSet")).Select(Instance)), cancellationToken).ConfigureAwait(false);
        return found;
    }

    public Task TerminateInstancesAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var form = new Ec2Form(Ec2Action.TerminateInstances);
        form.AddAll("InstanceId", ids);
        return _connection.CallAsync(form, cancellationToken);
    }

    public Task CreateTagsAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> tags, CancellationToken cancellationToken)
    {
        var form = new Ec2Form(Ec2Action.CreateTags);
        form.AddAll("ResourceId", ids);
        form.AddTags("Tag", tags);
        return _connection.CallAsync(form, cancellationToken);
    }

    public async Task<IReadOnlyList<SpotPrice>> DescribeSpotPriceHistoryAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(types);
        // With a start in the present, the history is what holds now.
        var now = _clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var prices = new List<SpotPrice>();
        foreach (var some in types.Distinct(StringComparer.Ordinal).Chunk(NamesAtOnce))
        {
            await ForPagesAsync(PricesPage, () =>
            {
                var form = new Ec2Form(Ec2Action.DescribeSpotPriceHistory);
                form.AddAll("InstanceType", some);
                form.AddAll("ProductDescription", ["Linux/UNIX"]);
                form.Add("StartTime", now);
                return form;
            }, page => prices.AddRange(page.Items("spotPriceHistorySet").Select(p => new SpotPrice(p.Required("instanceType"), p.Required("availabilityZone"), p.Amount("spotPrice"), p.Time("timestamp")))), cancellationToken).ConfigureAwait(false);
        }
        return prices;
    }

    public async Task<IReadOnlyList<MachineType>> DescribeInstanceTypesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(types);
        var found = new List<MachineType>();
        foreach (var some in types.Distinct(StringComparer.Ordinal).Chunk(NamesAtOnce))
        {
            // By a filter, since an unknown type among those that are named outright fails the whole request, and pages go with filters only.
            await ForPagesAsync(TypesPage, () =>
            {
                var form = new Ec2Form(Ec2Action.DescribeInstanceTypes);
                form.AddFilter(1, "instance-type", some.Select(Literal));
                return form;
            }, page => found.AddRange(page.Items("instanceTypeSet").Select(Machine)), cancellationToken).ConfigureAwait(false);
        }
        return found;
    }

    /// <summary>Asks for one page after the other until there is no further one.</summary>
    private async Task ForPagesAsync(int size, Func<Ec2Form> ask, Action<XElement> take, CancellationToken cancellationToken)
    {
        string? next = null;
        do
        {
            var form = ask();
            form.Add("MaxResults", size);
            form.Add("NextToken", next);
            var page = await _connection.CallAsync(form, cancellationToken).ConfigureAwait(false);
            take(page);
            var last = next;
            next = page.Text("nextToken");
            if (next is not null && next == last) throw new Ec2Exception(form.Action.Name, "", "The answer says that the next page is the one that was asked for", RefusalReason.NoAnswer);
        }
        while (next is not null);
    }

    /// <summary>A filter's value that stands for nothing but itself: EC2 reads <c>*</c> and <c>?</c> as wildcards.</summary>
    private static string Literal(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal).Replace("?", "\\?", StringComparison.Ordinal);

    private static FleetInstances Instances(XElement made, CapacityKind asked)
    {
        var overrides = made.Child("launchTemplateAndOverrides")?.Child("overrides");
        return new FleetInstances(
            [.. made.Items("instanceIds").Select(id => id.Value)],
            made.Text("instanceType") ?? overrides?.Text("instanceType") ?? "",
            made.Text("availabilityZone") ?? overrides?.Text("availabilityZone") ?? "",
            made.Text("lifecycle") switch { null => asked, "spot" => CapacityKind.Spot, _ => CapacityKind.OnDemand });
    }

    private static FleetError Error(XElement error)
    {
        var overrides = error.Child("launchTemplateAndOverrides")?.Child("overrides");
        return new FleetError(error.Text("errorCode") ?? "", error.Text("errorMessage") ?? "", overrides?.Text("instanceType"), overrides?.Text("availabilityZone"), overrides?.Text("subnetId"));
    }

    private static Ec2Instance Instance(XElement i) => new(
        i.Required("instanceId"),
        i.Child("instanceState")?.Text("name") ?? "",
        Reason(i),
        i.Text("instanceType") ?? "",
        i.Child("placement")?.Text("availabilityZone") ?? "",
        i.Text("instanceLifecycle") == "spot" ? CapacityKind.Spot : CapacityKind.OnDemand,
        i.Time("launchTime"),
        i.Text("privateIpAddress"),
        i.Tags());

    private static string? Reason(XElement instance) => instance.Child("stateReason") switch
    {
        null => instance.Text("reason"),
        var reason when reason.Text("message") is { } message && reason.Text("code") is { } code && !message.StartsWith(code, StringComparison.Ordinal) => $"{code}: {message}",
        var reason => reason.Text("message") ?? reason.Text("code"),
    };

    private static MachineType Machine(XElement type)
    {
        var architectures = type.Child("processorInfo")?.Items("supportedArchitectures").Select(a => a.Value).ToList() ?? [];
        var gpus = type.Child("gpuInfo");
        return new MachineType(
            type.Required("instanceType"),
            checked((int)(type.Child("vCpuInfo") ?? type).Number("defaultVCpus")),
            (type.Child("memoryInfo") ?? type).Number("sizeInMiB"),
            // Old types run i386, too; what images are made for today comes first.
            architectures.FirstOrDefault(a => a is "x86_64" or "arm64") ?? architectures.FirstOrDefault() ?? "",
            gpus?.Items("gpus").FirstOrDefault()?.Text("name"),
            checked((int)(gpus?.Items("gpus").Sum(g => g.Text("count") is null ? 0 : g.Number("count")) ?? 0)),
            gpus?.Text("totalGpuMemoryInMiB") is null ? 0 : gpus.Number("totalGpuMemoryInMiB"),
            type.Items("supportedUsageClasses").Any(c => c.Value == "spot"));
    }
}
