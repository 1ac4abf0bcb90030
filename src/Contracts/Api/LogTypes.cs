namespace Fanfare.Contracts.Api;

/// <summary>Levels of a log, from all to nothing.</summary>
public enum LogSeverity
{
    Trace,
    Debug,
    Information,
    Warning,
    Error,
    Critical,

    /// <summary>Nothing is written.</summary>
    None,
}

/// <summary>From which level on a server logs a category, and all below it.</summary>
/// <param name="Category">Empty for all others.</param>
public sealed record LogLevelView(string Category, LogSeverity Level);

/// <param name="Category">As <c>Fanfare.Runs</c>; null or empty for all that have no level of their own.</param>
/// <param name="Level">Null for what it was at the start of the server.</param>
public sealed record LogLevelRequest(string? Category = null, LogSeverity? Level = null);
