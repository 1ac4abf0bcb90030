namespace Fanfare.Invariants;

/// <summary>Something that must not be.</summary>
public sealed record Violation(string? Run, long Position, string What);
