namespace Fanfare.Gateway;

/// <summary>The gateway's view of the spec parser: YAML or JSON text in, a checked spec or all its errors out.</summary>
public interface ISpecReader
{
    /// <summary>Never throws for bad text; what is wrong comes as errors.</summary>
    SpecReading Read(string source);

    /// <summary>As of a spec, of a pool's file.</summary>
    PoolReading ReadPool(string source);
}

/// <param name="Spec">Null when there are errors.</param>
public sealed record SpecReading(FlowSpec? Spec, IReadOnlyList<SpecError> Errors);

/// <param name="Pool">Null when there are errors.</param>
public sealed record PoolReading(PoolSpec? Pool, IReadOnlyList<SpecError> Errors);
