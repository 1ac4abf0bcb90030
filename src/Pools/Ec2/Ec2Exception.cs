using System.Collections.Frozen;

namespace Fanfare.Pools.Ec2;

/// <summary>EC2 refused a request, or gave no answer to it.</summary>
public sealed class Ec2Exception : Exception
{
    public Ec2Exception()
    {
    }

    public Ec2Exception(string message)
        : base(message)
    {
    }

    public Ec2Exception(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal Ec2Exception(string action, string code, string words, RefusalReason reason, Exception? cause = null)
        : base($"EC2 {action}: {(code.Length > 0 ? code + ": " : "")}{words}", cause) =>
        (Code, Words, Reason) = (code, words, reason);

    /// <summary>As EC2 names it; empty when there was no answer.</summary>
    public string Code { get; } = "";

    /// <summary>EC2's words, or what went wrong on the way to it.</summary>
    public string Words { get; } = "";

    public RefusalReason Reason { get; } = RefusalReason.NoAnswer;

    /// <summary>Whether another try of the same request may go well, and nothing is known of what there is.</summary>
    public bool IsPassing => Reason is RefusalReason.Throttled or RefusalReason.NoAnswer;

    /// <summary>Whether the answer to a try before this one was lost, so that what is refused now may have been done then, or may be under way.</summary>
    public bool FollowsLostAnswer { get; internal set; }
}

/// <summary>What EC2's error codes mean, whether they come as the answer or in a fleet's.</summary>
internal static class Ec2Codes
{
    public const string TokenMismatch = "IdempotentParameterMismatch", TokenSpent = "IdempotentInstanceTerminated", NotFound = "InvalidInstanceID.NotFound", Protected = "OperationNotPermitted";

    private static readonly FrozenDictionary<string, RefusalReason> Known = new Dictionary<string, RefusalReason>
    {
        // Some of these come with a status of 500, though another try would be refused the same way: the code says more than the status.
        ["InsufficientInstanceCapacity"] = RefusalReason.NoCapacity,
        ["InsufficientCapacity"] = RefusalReason.NoCapacity,
        ["InsufficientHostCapacity"] = RefusalReason.NoCapacity,
        ["InsufficientReservedInstanceCapacity"] = RefusalReason.NoCapacity,
        ["ReservationCapacityExceeded"] = RefusalReason.NoCapacity,
        ["UnfulfillableCapacity"] = RefusalReason.NoCapacity,
        ["SpotMaxPriceTooLow"] = RefusalReason.NoCapacity,
        ["MaxSpotInstanceCountExceeded"] = RefusalReason.OverLimit,
        ["VcpuLimitExceeded"] = RefusalReason.OverLimit,
        ["InstanceLimitExceeded"] = RefusalReason.OverLimit,
        ["MaxFleetCountExceeded"] = RefusalReason.OverLimit,
        ["FleetVcpuLimitExceeded"] = RefusalReason.OverLimit,
        ["VolumeLimitExceeded"] = RefusalReason.OverLimit,
        ["MaxIOPSLimitExceeded"] = RefusalReason.OverLimit,
        ["NetworkInterfaceLimitExceeded"] = RefusalReason.OverLimit,
        ["PrivateIpAddressLimitExceeded"] = RefusalReason.OverLimit,
        ["InsufficientFreeAddressesInSubnet"] = RefusalReason.NoAddress,
        ["InsufficientAddressCapacity"] = RefusalReason.NoAddress,
        ["Unsupported"] = RefusalReason.Unsupported,
        ["UnsupportedOperation"] = RefusalReason.Unsupported,
        ["UnsupportedInstanceAttribute"] = RefusalReason.Unsupported,
        // Of an account that never had a spot machine. What is on demand can be had.
        ["AuthFailure.ServiceLinkedRoleCreationNotPermitted"] = RefusalReason.Unsupported,
        ["RequestLimitExceeded"] = RefusalReason.Throttled,
        ["Throttling"] = RefusalReason.Throttled,
        ["ThrottlingException"] = RefusalReason.Throttled,
        ["ThrottledException"] = RefusalReason.Throttled,
        ["RequestThrottled"] = RefusalReason.Throttled,
        ["RequestThrottledException"] = RefusalReason.Throttled,
        ["EC2ThrottledException"] = RefusalReason.Throttled,
        ["TooManyRequestsException"] = RefusalReason.Throttled,
        ["SlowDown"] = RefusalReason.Throttled,
        ["InternalError"] = RefusalReason.NoAnswer,
        ["InternalFailure"] = RefusalReason.NoAnswer,
        ["Unavailable"] = RefusalReason.NoAnswer,
        ["ServiceUnavailable"] = RefusalReason.NoAnswer,
        ["RequestTimeout"] = RefusalReason.NoAnswer,
        ["UnauthorizedOperation"] = RefusalReason.NotAllowed,
        ["AuthFailure"] = RefusalReason.NotAllowed,
        ["Blocked"] = RefusalReason.NotAllowed,
        ["OptInRequired"] = RefusalReason.NotAllowed,
        ["PendingVerification"] = RefusalReason.NotAllowed,
        ["InvalidClientTokenId"] = RefusalReason.NotAllowed,
        ["MissingAuthenticationToken"] = RefusalReason.NotAllowed,
        ["SignatureDoesNotMatch"] = RefusalReason.NotAllowed,
        ["ExpiredToken"] = RefusalReason.NotAllowed,
        ["RequestExpired"] = RefusalReason.NotAllowed,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What a code in a fleet's answer means. EC2 took the request, so one that is unknown is no reason to repeat it.</summary>
    public static RefusalReason InFleet(string code) => Known.GetValueOrDefault(code, RefusalReason.Invalid);

    /// <summary>What an answer with this status means; of a code that is unknown, the status says it.</summary>
    public static RefusalReason OfAnswer(int status, string code) =>
        Known.TryGetValue(code, out var reason) ? reason : status switch
        {
            429 => RefusalReason.Throttled,
            408 or >= 500 => RefusalReason.NoAnswer,
            401 or 403 => RefusalReason.NotAllowed,
            _ => RefusalReason.Invalid,
        };
}
