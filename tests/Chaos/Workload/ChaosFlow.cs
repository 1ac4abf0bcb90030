namespace Fanfare.Chaos.Workload;

/// <summary>A flow of the campaign and what a run of it must come to when no operator meddles.</summary>
/// <param name="Source">Spec for the parameters <c>n</c> and <c>nap</c>.</param>
/// <param name="Ends">The task that tells by its output <c>v</c> that all before it went right, and that output for n; null for a run that fails.</param>
/// <param name="Tasks">How many tasks succeed in a run of n, where that is certain.</param>
internal sealed record ChaosFlow(string Name, string Source, RunStatus Status, string? Ends, Func<int, string>? Output, Func<int, int>? Tasks);
