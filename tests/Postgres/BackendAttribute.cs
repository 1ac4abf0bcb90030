namespace Fanfare.Postgres;

/// <summary>On a test class that runs a <see cref="BackendFactAttribute"/>: what its backend needs.</summary>
[AttributeUsage(AttributeTargets.Class)]
public abstract class BackendAttribute : Attribute
{
    /// <summary>Why this machine does not have it; null when it does.</summary>
    public abstract string? Refusal { get; }
}
