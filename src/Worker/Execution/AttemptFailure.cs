using Fanfare.Contracts;

namespace Fanfare.Worker;

/// <summary>The attempt is over before or after its process, for the reason given.</summary>
internal sealed class AttemptFailure(AttemptOutcome outcome, string type, string message) : Exception(message)
{
    public AttemptOutcome Outcome { get; } = outcome;

    public string Type { get; } = type;

    /// <summary>The user's failure.</summary>
    public static AttemptFailure Failed(string type, string message) => new(AttemptOutcome.Failed, type, message);

    /// <summary>The platform's failure.</summary>
    public static AttemptFailure Lost(string type, string message) => new(AttemptOutcome.Lost, type, message);
}
