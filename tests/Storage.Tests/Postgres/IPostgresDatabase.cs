namespace Fanfare.Storage.Tests.Postgres;

/// <summary>A running PostgreSQL whose user may create schemas.</summary>
public interface IPostgresDatabase
{
    string ConnectionString { get; }
}
