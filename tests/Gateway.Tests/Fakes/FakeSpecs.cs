namespace Fanfare.Gateway.Tests;

/// <summary>Reads sources of the form <c>flow NAME</c>, and pools of the form <c>pool NAME</c>; all else has two errors.</summary>
internal sealed class FakeSpecs : ISpecReader
{
    public SpecReading Read(string source) => source.StartsWith("flow ", StringComparison.Ordinal)
        ? new SpecReading(World.Spec(source[5..].Trim()), [])
        : new SpecReading(null, [new SpecError(2, 3, "steps.a.retri", "is not a field of a step.", "Did you mean 'retry'?"), new SpecError(0, 0, "name", "is missing.", "Add it.")]);

    public PoolReading ReadPool(string source) => source.StartsWith("pool ", StringComparison.Ordinal)
        ? new PoolReading(World.Pool(source[5..].Trim()).Spec, [])
        : new PoolReading(null, [new SpecError(4, 8, "spare", "It is 5 machines, and the pool has at most 3.", "Lower it, or raise 'max'."), new SpecError(0, 0, "name", "'name' is missing; it is required.", "Name the pool.")]);
}
