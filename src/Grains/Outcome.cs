using Fanfare.Contracts;

namespace Fanfare.Grains;

/// <summary>What a grain answers: a value, or why it refused, or what failed. Both are data, so that they arrive as what they were, in any version.</summary>
public sealed record Outcome<T>(T? Value, Refusal? Refused = null, string? Failure = null)
{
    /// <exception cref="RefusedException">It was refused: nothing was done.</exception>
    /// <exception cref="NodeFailedException">It failed there, and may have been done.</exception>
    public T Get() => Failure is not null ? throw new NodeFailedException(Failure) : Refused is null ? Value! : throw Refused.ToException();
}

/// <summary>A <see cref="RefusedException"/> on its way.</summary>
public sealed record Refusal(RefusalKind Kind, string Code, string Message, IReadOnlyList<SpecError> Fields)
{
    public RefusedException ToException() => new(Kind, Code, Message) { Fields = Fields };
}

internal static class Outcome
{
    public static async Task<Outcome<T>> OfAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return new Outcome<T>(await ask());
        }
        catch (RefusedException refused)
        {
            return new Outcome<T>(default, new Refusal(refused.Kind, refused.Code, refused.Message, refused.Fields));
        }
        catch (Exception failed) when (failed is not OperationCanceledException)
        {
            // Of a type, perhaps, that the caller's version does not know.
            return new Outcome<T>(default, Failure: failed.Message);
        }
    }
}
