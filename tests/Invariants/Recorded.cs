using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>An event as it became durable.</summary>
/// <param name="CommittedAt">Virtual time of the commit.</param>
/// <param name="Process">Who wrote it.</param>
public sealed record Recorded(long Position, DateTimeOffset CommittedAt, string Process, StreamId Stream, JournalEvent Entry, string Json);
