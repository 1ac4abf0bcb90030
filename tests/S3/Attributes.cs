using Fanfare.Postgres;

namespace Fanfare.S3;

/// <summary>On a test class: its tests that it shares with other backends need an S3 server.</summary>
public sealed class NeedsS3Attribute : BackendAttribute
{
    public override string? Refusal => S3Server.Refusal;
}

/// <summary>A test that needs an S3 server; skipped by name where none can be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class S3FactAttribute : FactAttribute
{
    public S3FactAttribute() => Skip = S3Server.Refusal;
}

/// <summary>A test that needs both an S3 server and a PostgreSQL server.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class S3AndPostgresFactAttribute : FactAttribute
{
    public S3AndPostgresFactAttribute() => Skip = S3Server.Refusal ?? PrivatePostgres.Refusal;
}
