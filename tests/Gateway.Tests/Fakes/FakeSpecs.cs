namespace Fanfare.Gateway.Tests;

/// <summary>Reads sources of the form <c>flow NAME</c>; all else has two errors.</summary>
internal sealed class FakeSpecs : ISpecReader
{
    public SpecReading Read(string source) => source.StartsWith("flow ", StringComparison.Ordinal)
        ? new SpecReading(World.Spec(source[5..].Trim()), [])
        : new SpecReading(null, [new SpecError(2, 3, "steps.a.retri", "is not a field of a step.", "Did you mean 'retry'?"), new SpecError(0, 0, "name", "is missing.", "Add it.")]);
}
