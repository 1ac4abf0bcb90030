namespace Fanfare.Postgres;

/// <summary>A test that needs a PostgreSQL server of its own or the shared one; skipped by name where none can be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = PrivatePostgres.Refusal;
}
