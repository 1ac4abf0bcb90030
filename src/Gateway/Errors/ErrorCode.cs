namespace Fanfare.Gateway;

/// <summary>A kind of refusal: its code (also the name of its page under docs/errors), HTTP status, and title.</summary>
internal sealed record ErrorCode(string Code, int Status, string Title)
{
    /// <summary>The <c>type</c> of the problem details.</summary>
    public string Page => $"/errors/{Code}";
}

/// <summary>All codes that the gateway answers with.</summary>
internal static class ErrorCodes
{
    public static readonly ErrorCode Invalid = new("FAN0001", 400, "The request is not valid");
    public static readonly ErrorCode NotFound = new("FAN0002", 404, "There is no such thing");
    public static readonly ErrorCode Conflict = new("FAN0003", 409, "The state does not allow it");
    public static readonly ErrorCode SpecInvalid = new("FAN0004", 400, "The flow spec has errors");
    public static readonly ErrorCode ParametersInvalid = new("FAN0005", 400, "The run's parameters are not valid");
    public static readonly ErrorCode Unauthorized = new("FAN0006", 401, "An access token is needed");
    public static readonly ErrorCode StaleLease = new("FAN0007", 409, "The lease is no longer held");
    public static readonly ErrorCode Busy = new("FAN0008", 503, "The server cannot take this now");
    public static readonly ErrorCode TooLarge = new("FAN0009", 413, "The request is too large");
    public static readonly ErrorCode MethodNotAllowed = new("FAN0010", 405, "The method does not apply here");
    public static readonly ErrorCode MediaType = new("FAN0011", 415, "The content type is not understood");
    public static readonly ErrorCode TooMany = new("FAN0012", 429, "Too many requests at once");
    public static readonly ErrorCode ForeignOrigin = new("FAN0013", 403, "The request comes from a foreign origin");
    public static readonly ErrorCode JournalUnreadable = new("FAN0014", 500, "The journal cannot be read");
    public static readonly ErrorCode Unexpected = new("FAN0015", 500, "The server met an unexpected error");
    public static readonly ErrorCode DigestMismatch = new("FAN0016", 400, "The bytes do not match their digest");
    public static readonly ErrorCode Gone = new("FAN0017", 410, "The run has been archived");
    public static readonly ErrorCode NoLeader = new("FAN0018", 503, "No server leads at the moment");
    public static readonly ErrorCode BadSignature = new("FAN0019", 401, "The request is not signed as it must be");
    public static readonly ErrorCode PoolInvalid = new("FAN0020", 400, "The pool has errors");

    public static readonly IReadOnlyList<ErrorCode> All =
    [
        Invalid, NotFound, Conflict, SpecInvalid, ParametersInvalid, Unauthorized, StaleLease, Busy, TooLarge, MethodNotAllowed,
        MediaType, TooMany, ForeignOrigin, JournalUnreadable, Unexpected, DigestMismatch, Gone, NoLeader, BadSignature, PoolInvalid,
    ];

    private static readonly Dictionary<string, ErrorCode> ByCode = All.ToDictionary(c => c.Code);

    /// <summary>The code of a refusal: its own where it is known, else the general one of its kind. The kind decides the status.</summary>
    public static ErrorCode Of(RefusedException refusal)
    {
        var general = refusal.Kind switch
        {
            RefusalKind.Invalid => Invalid,
            RefusalKind.NotFound => NotFound,
            RefusalKind.Conflict => Conflict,
            RefusalKind.Busy => Busy,
            RefusalKind.Gone => Gone,
            _ => Unexpected,
        };
        return ByCode.TryGetValue(refusal.Code, out var own) ? own with { Status = general.Status } : general;
    }

    /// <summary>The code of an answer that has a status and nothing else.</summary>
    public static ErrorCode OfStatus(int status) => status switch
    {
        401 => Unauthorized,
        403 => ForeignOrigin,
        404 => NotFound,
        405 => MethodNotAllowed,
        409 => Conflict,
        410 => Gone,
        413 => TooLarge,
        415 => MediaType,
        429 => TooMany,
        503 => Busy,
        >= 500 => Unexpected,
        _ => Invalid with { Status = status },
    };
}
