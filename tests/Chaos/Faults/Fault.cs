namespace Fanfare.Chaos.Faults;

/// <summary>One fault of a plan.</summary>
/// <param name="After">Time since the end of the lane's fault before.</param>
/// <param name="Hold">How long it lasts; for a kill, how long the process stays away.</param>
/// <param name="Amount">Milliseconds of a delay, bytes of a reply, seconds of a clock step.</param>
internal sealed record Fault(FaultKind Kind, TimeSpan After, TimeSpan Hold, int Amount);

/// <summary>A fault as it happened, in seconds since the machine's boot.</summary>
/// <param name="Target">server, a worker's name, or client.</param>
internal sealed record FaultWindow(FaultKind Kind, string Target, double From, double To);
