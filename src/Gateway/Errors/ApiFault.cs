namespace Fanfare.Gateway;

/// <summary>A request that the gateway itself refuses.</summary>
internal sealed class ApiFault(ErrorCode code, string detail, params IReadOnlyList<FieldError> errors) : Exception(detail)
{
    public ErrorCode Code { get; } = code;

    public IReadOnlyList<FieldError> Errors { get; } = errors;

    /// <summary>One field that is not as it must be.</summary>
    public static ApiFault Field(string field, string message, string remedy) =>
        new(ErrorCodes.Invalid, $"{field}: {message}", new FieldError(field, message, remedy));

    /// <summary>A file with errors, each with its place where that is known.</summary>
    /// <param name="what">What it describes.</param>
    public static ApiFault OfSource(ErrorCode code, string what, IReadOnlyList<SpecError> errors)
    {
        return new(code, $"The {what} has {errors.Count} error{(errors.Count == 1 ? "" : "s")}.", [.. errors.Select(e => new FieldError(e.Path, e.Message, e.Remedy, Place(e.Line), Place(e.Column)))]);

        static int? Place(int number) => number > 0 ? number : null;
    }

    public static ApiFault TooLarge(string field, string message, string remedy) =>
        new(ErrorCodes.TooLarge, $"{field}: {message}", new FieldError(field, message, remedy));

    /// <summary>A POST to a thing by itself, or with a verb after the colon that is none of its.</summary>
    /// <param name="field">What the path names.</param>
    /// <param name="path">The last part of the path.</param>
    public static ApiFault UnknownVerb(string field, string path, params string[] known)
    {
        var colon = path.LastIndexOf(':');
        return colon < 0
            ? Field(field, "is not followed by a verb", $"End the path with one of :{string.Join(", :", known)}.")
            : Field(field, $"is followed by the unknown verb '{path[(colon + 1)..]}'", Suggestion.For(path[(colon + 1)..], known));
    }

    public static ApiFault NotFound(string what) => new(ErrorCodes.NotFound, what);
}
