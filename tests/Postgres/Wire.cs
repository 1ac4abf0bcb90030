using System.Net;
using Npgsql;

namespace Fanfare.Postgres;

/// <summary>The network between a server and its database.</summary>
/// <param name="database">Connection string of the database that it leads to.</param>
public sealed class Wire(string database) : Link(EndOf(database))
{
    /// <summary>Connection string of the database through the wire.</summary>
    public string Database => new NpgsqlConnectionStringBuilder(database) { Host = "127.0.0.1", Port = Port }.ConnectionString;

    /// <summary>From now on new connections lead to another server.</summary>
    public void LeadTo(string other) => LeadTo(EndOf(other));

    private static IPEndPoint EndOf(string database)
    {
        var settings = new NpgsqlConnectionStringBuilder(database);
        return new IPEndPoint(IPAddress.Parse(settings.Host!), settings.Port);
    }
}
