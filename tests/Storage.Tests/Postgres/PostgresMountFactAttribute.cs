using Fanfare.Postgres;
using Fanfare.Processes;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>A test that mounts a file system for a PostgreSQL server of its own; skipped by name where either cannot be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresMountFactAttribute : FactAttribute
{
    public PostgresMountFactAttribute() => Skip = PrivatePostgres.Refusal ?? new MountFactAttribute().Skip;
}
