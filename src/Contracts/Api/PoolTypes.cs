namespace Fanfare.Contracts.Api;

/// <summary>PUT /api/v1/pools/{pool}. <paramref name="Source"/> is the pool's file, as YAML or JSON text.</summary>
public sealed record SetPoolRequest(string Source);
