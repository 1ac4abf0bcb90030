using Npgsql;

namespace Fanfare.Storage.Postgres;

internal static class Connecting
{
    /// <summary>Opens a connection. Npgsql counts its timeout by the wall clock, and breaks when that is set meanwhile: here that is a timeout like any other.</summary>
    public static async Task<NpgsqlConnection> ConnectAsync(this NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        try
        {
            return await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new NpgsqlException("The clock was set while a connection was made.", new TimeoutException(error.Message, error));
        }
    }
}
