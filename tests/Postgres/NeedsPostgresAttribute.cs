namespace Fanfare.Postgres;

/// <summary>On a test class: its tests that it shares with other backends need a PostgreSQL server.</summary>
public sealed class NeedsPostgresAttribute : BackendAttribute
{
    public override string? Refusal => PrivatePostgres.Refusal;
}
