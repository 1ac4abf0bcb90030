namespace Fanfare.Gateway;

/// <summary>A request that the gateway itself refuses.</summary>
internal sealed class ApiFault(ErrorCode code, string detail, params IReadOnlyList<FieldError> errors) : Exception(detail)
{
    public ErrorCode Code { get; } = code;

    public IReadOnlyList<FieldError> Errors { get; } = errors;

    /// <summary>One field that is not as it must be.</summary>
    public static ApiFault Field(string field, string message, string remedy) =>
        new(ErrorCodes.Invalid, $"{field}: {message}", new FieldError(field, message, remedy));

    public static ApiFault TooLarge(string field, string message, string remedy) =>
        new(ErrorCodes.TooLarge, $"{field}: {message}", new FieldError(field, message, remedy));

    public static ApiFault NotFound(string what) => new(ErrorCodes.NotFound, what);
}
