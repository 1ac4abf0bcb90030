namespace Fanfare.Contracts;

/// <summary>A new, immutable deployment of the flow.</summary>
/// <param name="Version">From 1, without gaps; a deletion does not begin anew.</param>
/// <param name="Digest">SHA-256 of the canonical spec and the package, hexadecimal.</param>
/// <param name="Spec">The canonical spec (<see cref="FlowSpecJson"/>).</param>
/// <param name="Source">The author's text, as given.</param>
/// <param name="Package">SHA-256 of the code package, hexadecimal; null without one.</param>
public sealed record FlowDeployed(int Version, string Digest, string Spec, string Source, string? Package) : Event;

/// <summary>The flow is gone, with all deployments that it had. Its runs go on with theirs, and what is deployed under its name from now on is numbered on.</summary>
public sealed record FlowDeleted : Event;
