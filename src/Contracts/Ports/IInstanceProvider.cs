namespace Fanfare.Contracts;

/// <summary>Makes and ends the machines of pools. It decides nothing: how many are wanted, and of what, is said by whoever asks.</summary>
/// <remarks>A launch survives a crash of whoever asked for it. It has a name (<see cref="LaunchRequest.Id"/>), under which the asker remembers the whole request before it is sent; asked for again with the same request it makes nothing twice, and what
/// it made carries its <see cref="LaunchToken"/>, so that <see cref="ListAsync"/> finds it whatever became of the answer.</remarks>
public interface IInstanceProvider
{
    /// <summary>What is worth asking for now: the request without what was refused lately. Asks nobody. It comes before the request is remembered, since a request that is repeated has to be the same.</summary>
    LaunchPlan Plan(LaunchRequest wanted);

    /// <summary>Makes machines, or says again what the same request made before. What could not be had is part of the answer; fewer machines than asked for are no error.</summary>
    /// <exception cref="InstanceProviderException">The name was used with another request, or the request is none that this provider can serve: says what to do. Or the provider could not be asked what the launch made before (<see cref="InstanceProviderException.IsPassing"/>): to be asked again, as what is unsettled.</exception>
    Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken);

    /// <summary>Every machine of the cluster, also those that ended as long as the provider shows them. What a launch returned is among them though the provider does not show it yet.</summary>
    /// <exception cref="InstanceProviderException">The provider could not be asked.</exception>
    Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Ends machines. Those that are gone already are no error.</summary>
    /// <exception cref="InstanceProviderException">Some were not ended; names them. The others were.</exception>
    Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken);

    /// <summary>Writes labels onto machines, over what they had by the same name.</summary>
    /// <exception cref="InstanceProviderException">A machine is gone, or a name is one of the provider's own.</exception>
    Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken);

    /// <summary>What machines of these types have; types that the provider does not know are left out.</summary>
    /// <exception cref="InstanceProviderException">The provider could not be asked.</exception>
    Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken);

    /// <summary>What spare machines of these types cost now, by zone, the cheapest first; empty where nothing is sold so.</summary>
    /// <exception cref="InstanceProviderException">The provider could not be asked.</exception>
    Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken);
}

/// <summary>What of a request is worth asking for.</summary>
/// <param name="Request">The request without what was left out; null when nothing of it is left.</param>
/// <param name="LeftOut">What was refused lately.</param>
public sealed record LaunchPlan(LaunchRequest? Request, IReadOnlyList<OutOfStock> LeftOut)
{
    /// <summary>When the first of what was left out is worth asking for again; null when nothing was.</summary>
    public DateTimeOffset? Until => LeftOut.Count == 0 ? null : LeftOut.Min(o => o.Until);
}

/// <summary>What is not asked for, and until when.</summary>
public sealed record OutOfStock(CapacityKind Capacity, MachineChoice? Choice, RefusalReason Reason, DateTimeOffset Until);

/// <summary>What a launch made.</summary>
/// <param name="Token">What its machines carry.</param>
/// <param name="Instances">Those that this launch made, ended ones included.</param>
/// <param name="Refusals">What could not be had, in the order in which it was asked for.</param>
/// <param name="IsSettled">Whether that is all that will come of it. If not, the provider could not be reached or was too busy, more may have been made than is told here, and the same request has to be sent again.</param>
public sealed record LaunchAnswer(string Token, IReadOnlyList<Instance> Instances, IReadOnlyList<LaunchRefusal> Refusals, bool IsSettled);

/// <summary>Something of a launch that could not be had.</summary>
/// <param name="Offering">Index in <see cref="LaunchRequest.Offerings"/>.</param>
/// <param name="Choice">Which machine; null when it concerns the offering as a whole.</param>
/// <param name="Code">As the provider names it, as in InsufficientInstanceCapacity; empty when it did not answer.</param>
/// <param name="Message">The provider's words, or what went wrong on the way to it.</param>
public sealed record LaunchRefusal(int Offering, MachineChoice? Choice, CapacityKind Capacity, RefusalReason Reason, string Code, string Message);

public enum RefusalReason
{
    /// <summary>There are no such machines at the moment, or none below the price that was given.</summary>
    NoCapacity,

    /// <summary>A limit of the account is reached; it has to be raised, or machines have to end.</summary>
    OverLimit,

    /// <summary>The network has no address left.</summary>
    NoAddress,

    /// <summary>Such machines are not sold there, or not in this way.</summary>
    Unsupported,

    /// <summary>Too many requests. It says nothing of what there is.</summary>
    Throttled,

    /// <summary>There was no answer, or none that can be read; whether something was made is not known.</summary>
    NoAnswer,

    /// <summary>The credentials do not do, or do not allow it.</summary>
    NotAllowed,

    /// <summary>Something else in the request is refused; the same request will be refused again.</summary>
    Invalid,
}

/// <summary>A provider of machines could not do what it was asked to.</summary>
public sealed class InstanceProviderException : Exception
{
    public InstanceProviderException()
    {
    }

    public InstanceProviderException(string message)
        : base(message)
    {
    }

    public InstanceProviderException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    public RefusalReason Reason { get; init; } = RefusalReason.Invalid;

    /// <summary>Whether the same may go well later, without anybody doing something about it.</summary>
    public bool IsPassing => Reason is RefusalReason.Throttled or RefusalReason.NoAnswer;
}
