namespace Fanfare.Pools.Ec2;

/// <summary>Machines of EC2, made by fleets of the type <c>instant</c> from a launch template.</summary>
/// <remarks>
/// A launch is a row of fleets, one for each offering, each of which asks for what those before it did not give. What a fleet asks for depends on nothing but the request and how many the fleets before it made, and its client token is made from the launch's
/// token and its place. So a launch that is sent again, by whoever, after whatever crash, repeats the same fleets with the same tokens, and EC2 answers with what it made the first time. EC2 tells of a token that comes with other parameters; that is an error here,
/// and never a second set of machines. Tokens are trusted for <see cref="Ec2Options.RepeatWithin"/>; after that, and where EC2 says that a token's instances are gone, what carries the launch's tag is looked for instead.
/// </remarks>
public sealed class Ec2Provider : IInstanceProvider
{
    /// <summary>Instances that are ended in one request.</summary>
    private const int IdsAtOnce = 100;

    private readonly IEc2 _ec2;
    private readonly string _cluster;
    private readonly Ec2Options _options;
    private readonly TimeProvider _clock;
    private readonly Stock _stock;
    private readonly Fresh _fresh;

    /// <param name="cluster">Whose machines these are: what is listed carries this name, and nothing else is ended. 1 to 128 characters.</param>
    /// <exception cref="ArgumentException">The name or an option is out of its range; says what to set.</exception>
    public Ec2Provider(IEc2 ec2, string cluster, Ec2Options options, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        if (string.IsNullOrEmpty(cluster) || cluster.Length > 128) throw new ArgumentException($"The cluster's name is '{cluster}'. Give it 1 to 128 characters.", nameof(cluster));
        (_ec2, _cluster, _options, _clock) = (ec2, cluster, options, clock);
        (_stock, _fresh) = (new Stock(options, clock), new Fresh(options.ListedWithin, clock));
    }

    public LaunchPlan Plan(LaunchRequest wanted)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var left = new List<Offering>();
        var without = new List<OutOfStock>();
        foreach (var offering in wanted.Offerings)
        {
            var choices = new List<MachineChoice>();
            foreach (var choice in offering.Choices)
            {
                if (_stock.Refusal(offering, choice) is { } refused) without.Add(new OutOfStock(offering.Capacity, choice, refused.Reason, refused.Until));
                else choices.Add(choice);
            }
            if (choices.Count > 0) left.Add(choices.Count == offering.Choices.Count ? offering : offering with { Choices = choices });
        }
        return new LaunchPlan(without.Count == 0 ? wanted : left.Count == 0 ? null : wanted with { Offerings = left }, without);
    }

    public async Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Check();
        Check(request);
        var token = LaunchToken.Of(request);
        List<Instance> made = [];
        List<LaunchRefusal> refusals = [];
        for (var i = 0; i < request.Offerings.Count && made.Count < request.Count; i++)
        {
            var offering = request.Offerings[i];
            if (Age(request) > _options.RepeatWithin) return await LookAsync(request, token, made, refusals, cancellationToken).ConfigureAwait(false);
            try
            {
                var answer = await _ec2.CreateFleetAsync(Fleet(request, token, i, Math.Min(offering.AtMost ?? int.MaxValue, request.Count - made.Count)), cancellationToken).ConfigureAwait(false);
                var instances = Instances(request, token, answer);
                _fresh.Made(instances);
                made.AddRange(instances);
                refusals.AddRange(answer.Errors.SelectMany(error => Refused(i, offering, error)));
                // EC2 was too busy to look. What there is would be had by another launch a little later, and nobody asked for the next offering in that case.
                if (answer.Errors.Any(error => Ec2Codes.InFleet(error.Code) is RefusalReason.Throttled or RefusalReason.NoAnswer)) break;
            }
            catch (Ec2Exception refused) when (refused.Code == Ec2Codes.TokenMismatch)
            {
                throw new InstanceProviderException($"Launch '{request.Id}' of pool '{request.Pool}' was asked for before with another request. A launch that is repeated has to be as it was: look for what it made ({Ec2Tags.Launch}={token}), and use a new id for what is wanted now. {refused.Words}", refused);
            }
            catch (Ec2Exception refused) when (refused is { FollowsLostAnswer: false, Reason: RefusalReason.NoCapacity or RefusalReason.OverLimit or RefusalReason.NoAddress or RefusalReason.Unsupported })
            {
                // With such a code EC2 has come to make machines, which it does not do again for a token that it has served.
                refusals.AddRange(Refused(i, offering, new FleetError(refused.Code, refused.Words, null, null, null)));
            }
            catch (Ec2Exception refused)
            {
                // Nothing of this says what became of the same request when it was sent before: by a former server, or by a try whose answer was lost. So no further offering is asked for, or both might give machines.
                if (refused.Code != Ec2Codes.TokenSpent) refusals.Add(new LaunchRefusal(i, null, offering.Capacity, refused.Reason, refused.Code, refused.Words));
                return refused.IsPassing ? new LaunchAnswer(token, made, refusals, IsSettled: false) : await LookAsync(request, token, made, refusals, cancellationToken).ConfigureAwait(false);
            }
        }
        return new LaunchAnswer(token, made, refusals, IsSettled: true);
    }

    public async Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken) => _fresh.Complete(await ListedAsync(new() { [Ec2Tags.Cluster] = _cluster }, cancellationToken).ConfigureAwait(false));

    public async Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ids);
        List<(string Id, string Why)> left = [];
        var again = false;
        // One that EC2 does not take spoils its whole request, so a request that is refused is made in halves.
        var rest = new Stack<string[]>(ids.Distinct(StringComparer.Ordinal).Chunk(IdsAtOnce).Reverse());
        while (rest.TryPop(out var some))
        {
            try
            {
                await _ec2.TerminateInstancesAsync(some, cancellationToken).ConfigureAwait(false);
                _fresh.Ended(some);
            }
            catch (Ec2Exception refused) when (refused.Code is Ec2Codes.NotFound or Ec2Codes.Protected && some.Length > 1)
            {
                rest.Push(some[(some.Length / 2)..]);
                rest.Push(some[..(some.Length / 2)]);
            }
            catch (Ec2Exception refused) when (refused.Code == Ec2Codes.NotFound)
            {
                if (!_fresh.IsNew(some[0])) continue;
                again = true;
                left.Add((some[0], "EC2 does not show it yet; ask again"));
            }
            catch (Ec2Exception refused)
            {
                again |= refused.IsPassing;
                left.AddRange(some.Select(id => (id, $"{refused.Message}{(refused.Code == Ec2Codes.Protected ? " Take the protection against termination off" : "")}")));
            }
        }
        if (left.Count > 0)
            throw new InstanceProviderException($"{left.Count} of {ids.Count} instances were not ended: {string.Join("; ", left.GroupBy(l => l.Why).Select(g => $"{string.Join(", ", g.Select(l => l.Id))} ({g.Key})"))}.") { Reason = again ? RefusalReason.NoAnswer : RefusalReason.NotAllowed };
    }

    public async Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(labels);
        if (Ec2Tags.Fault(labels) is { } fault) throw new InstanceProviderException(fault);
        if (labels.Count == 0) return;
        foreach (var some in ids.Distinct(StringComparer.Ordinal).Chunk(IdsAtOnce)) await AskedAsync(async () => { await _ec2.CreateTagsAsync(some, labels, cancellationToken).ConfigureAwait(false); return true; }).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => AskedAsync(() => _ec2.DescribeInstanceTypesAsync(types, cancellationToken));

    public async Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken)
    {
        var history = await AskedAsync(() => _ec2.DescribeSpotPriceHistoryAsync(types, cancellationToken)).ConfigureAwait(false);
        return [.. history.GroupBy(p => (p.Type, p.Zone)).Select(g => g.MaxBy(p => p.Since)!).OrderBy(p => p.PerHour).ThenBy(p => p.Type, StringComparer.Ordinal).ThenBy(p => p.Zone, StringComparer.Ordinal)];
    }

    /// <summary>What this provider demands beyond what every provider does.</summary>
    private void Check(LaunchRequest request)
    {
        var fault = request switch
        {
            _ when request.Cluster != _cluster => $"It is of cluster '{request.Cluster}', and these are the machines of '{_cluster}'. Ask that cluster.",
            { Template: "" } => "It names no launch template. Give its id or name, and after a colon its version, as in fanfare-gpu:7.",
            _ when Template(request) is { Name: "" } or { Version: "" } => $"Its launch template is '{request.Template}'. Write the id or name, and after a colon the version, as in fanfare-gpu:7.",
            _ => Ec2Tags.Fault(request.Labels),
        };
        if (fault is not null) throw new InstanceProviderException($"Launch '{request.Id}' of pool '{request.Pool}' cannot be asked for. {fault}");
    }

    /// <summary>Names of launch templates have no colon.</summary>
    private static (string Name, string Version) Template(LaunchRequest request) =>
        request.Template.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? (request.Template[..colon], request.Template[(colon + 1)..]) : (request.Template, "$Default");

    private static FleetRequest Fleet(LaunchRequest request, string token, int part, int count)
    {
        var (name, version) = Template(request);
        return new FleetRequest(LaunchToken.Part(token, part), name, version, request.Offerings[part], count, Ec2Tags.Of(request, token));
    }

    private List<Instance> Instances(LaunchRequest request, string token, FleetAnswer answer) =>
        [.. answer.Instances.SelectMany(alike => alike.Ids.Select(id => new Instance(id, request.Pool, token, InstanceState.Pending, alike.Type, alike.Zone, alike.Capacity, _clock.GetUtcNow(), null, null, IsListed: false) { Labels = request.Labels }))];

    /// <summary>A fleet's error as refusals of those choices that it is about, which are remembered.</summary>
    private List<LaunchRefusal> Refused(int index, Offering offering, FleetError error)
    {
        var reason = Ec2Codes.InFleet(error.Code);
        var concerned = offering.Choices.Where(c => Agrees(c.Type, error.Type) && Agrees(c.Zone, error.Zone) && Agrees(c.Subnet, error.Subnet)).ToList();
        // EC2 may name a type that attributes led it to, or a zone in another way; then it is about the offering.
        if (concerned.Count == 0) concerned = [.. offering.Choices];
        _stock.Remember(offering, concerned, error.Code, reason);
        return concerned.Count == offering.Choices.Count && concerned.Count > 1
            ? [new LaunchRefusal(index, null, offering.Capacity, reason, error.Code, error.Message)]
            : [.. concerned.Select(choice => new LaunchRefusal(index, choice, offering.Capacity, reason, error.Code, error.Message))];

        static bool Agrees(string? asked, string? refused) => string.IsNullOrEmpty(asked) || refused is null || asked == refused;
    }

    /// <summary>The answer when EC2 does not say what the same request made before. What it lists counts; that this is all is certain only when what can have been made had the time to come to the lists.</summary>
    private async Task<LaunchAnswer> LookAsync(LaunchRequest request, string token, List<Instance> made, List<LaunchRefusal> refusals, CancellationToken cancellationToken)
    {
        var isSettled = Age(request) > _options.SettledAfter;
        var found = await FindAsync(token, cancellationToken).ConfigureAwait(false);
        var known = found.Select(i => i.Id).ToHashSet();
        return new LaunchAnswer(token, [.. found, .. made.Where(i => !known.Contains(i.Id))], refusals, isSettled);
    }

    private TimeSpan Age(LaunchRequest request) => _clock.GetUtcNow() - request.AskedAt;

    private async Task<IReadOnlyList<Instance>> FindAsync(string token, CancellationToken cancellationToken) =>
        [.. _fresh.Complete(await ListedAsync(new() { [Ec2Tags.Cluster] = _cluster, [Ec2Tags.Launch] = token }, cancellationToken).ConfigureAwait(false)).Where(i => i.Launch == token)];

    private async Task<IReadOnlyList<Instance>> ListedAsync(Dictionary<string, string> tags, CancellationToken cancellationToken)
    {
        var instances = await AskedAsync(() => _ec2.DescribeInstancesAsync(tags, cancellationToken)).ConfigureAwait(false);
        return [.. instances.Select(Listed)];
    }

    private static Instance Listed(Ec2Instance shown)
    {
        var state = shown.State switch
        {
            "pending" => InstanceState.Pending,
            "running" => InstanceState.Running,
            "shutting-down" => InstanceState.Ending,
            "terminated" => InstanceState.Ended,
            "stopping" or "stopped" => InstanceState.Stopped,
            _ => throw new InstanceProviderException($"Instance {shown.Id} is in the state '{shown.State}', which EC2 did not have when this was written. Use a newer release."),
        };
        return new Instance(shown.Id, shown.Tags.GetValueOrDefault(Ec2Tags.Pool, ""), shown.Tags.GetValueOrDefault(Ec2Tags.Launch, ""), state, shown.Type, shown.Zone, shown.Capacity, shown.LaunchedAt, shown.Address,
            state is InstanceState.Pending or InstanceState.Running ? null : shown.Reason, IsListed: true)
        {
            Labels = shown.Tags.Where(t => t.Key is not (Ec2Tags.Cluster or Ec2Tags.Pool or Ec2Tags.Launch) && !t.Key.StartsWith("aws:", StringComparison.Ordinal)).ToDictionary(t => t.Key, t => t.Value),
        };
    }

    private static async Task<T> AskedAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Ec2Exception refused)
        {
            throw new InstanceProviderException(refused.Message, refused) { Reason = refused.Reason };
        }
    }
}
