using Npgsql;

namespace Fanfare.Storage.Postgres;

/// <summary>What an error of PostgreSQL, or of the way to it, means.</summary>
internal static class PostgresFailure
{
    /// <summary>The same statement may succeed in a moment, on another connection.</summary>
    public static bool IsPassing(NpgsqlException error) =>
        // 08: the connection broke. 53: connections, memory or disk ran out. 57: the server stops, starts, or ended this statement or session.
        error.IsTransient || StateOf(error) is ['0', '8', ..] or ['5', '3', ..] or ['5', '7', ..];

    /// <summary>The connection is gone, and most likely the others of its pool with it.</summary>
    public static bool IsBroken(NpgsqlException error) => error is PostgresException
        ? StateOf(error) is ['0', '8', ..] or ['5', '7', 'P', ..]
        : error.InnerException is IOException or System.Net.Sockets.SocketException;

    /// <summary>The database refuses this server: a matter of its configuration, not of the statement.</summary>
    public static bool IsRefusal(NpgsqlException error) => StateOf(error) is ['2', '8', ..] or ['3', 'D', ..] or PostgresErrorCodes.InsufficientPrivilege;

    /// <summary>The server itself found pages or indexes that cannot be.</summary>
    public static bool IsDamage(NpgsqlException error) => StateOf(error) is PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted;

    /// <summary>Where the database is, for messages; without user and password.</summary>
    public static string Place(NpgsqlDataSource source)
    {
        var at = new NpgsqlConnectionStringBuilder(source.ConnectionString);
        return $"database {at.Database} at {at.Host}:{at.Port}";
    }

    public static StoreUnavailableException Unavailable(NpgsqlDataSource source, NpgsqlException error) =>
        new($"The {Place(source)} does not answer: {error.Message.TrimEnd('.')}. {Remedy(error)}", error);

    private static string? StateOf(NpgsqlException error) => (error as PostgresException)?.SqlState;

    /// <summary>What is wrong and what to do, for a journal that cannot write.</summary>
    /// <param name="place">How to name the database, without user and password.</param>
    public static string CannotWrite(Exception error, string place) =>
        $"The journal in the database {place} cannot write: {error.GetBaseException().Message.TrimEnd('.')}. {(error is NpgsqlException failure ? Remedy(failure) : "")} Nothing acknowledged is lost, and writing goes on by itself.";

    /// <summary>Why a journal that was closed could not write the last of what it had.</summary>
    /// <param name="place">How to name the database, without user and password.</param>
    public static string NotWritten(Exception error, string place) =>
        $"The journal in the database {place} was closed while it could not write: {error.GetBaseException().Message.TrimEnd('.')}. Nothing acknowledged is lost; what was not acknowledged is there or not when the server starts again.";

    /// <param name="place">How to name the database, without user and password.</param>
    public static string CannotReach(Exception error, string place) =>
        $"The database {place} does not answer: {error.GetBaseException().Message.TrimEnd('.')}. {(error is NpgsqlException failure ? Remedy(failure) : "")} This server goes on by itself when it does.";

    /// <summary>Whether trying again later may help: the database is away, full, busy or read-only, or somebody holds a lock.</summary>
    public static bool IsEnvironment(Exception error) => error switch
    {
        PostgresException refused => refused.SqlState is not (['2', '2', ..] or ['2', '3', ..] or ['4', '2', ..] or ['5', '4', ..] or ['0', 'A', ..]),
        NpgsqlException or System.Net.Sockets.SocketException or IOException or TimeoutException => true,
        _ => false,
    };

    private static string Remedy(NpgsqlException error) => StateOf(error) switch
    {
        PostgresErrorCodes.LockNotAvailable => "Somebody holds a lock there for long: see pg_locks and pg_stat_activity.",
        PostgresErrorCodes.ReadOnlySqlTransaction => "It is a standby, or a primary that was demoted: point the server at the primary.",
        PostgresErrorCodes.TooManyConnections => "Raise max_connections there, or lower 'Maximum Pool Size' in the connection string.",
        PostgresErrorCodes.DiskFull => "Free space on its disk or enlarge it.",
        PostgresErrorCodes.OutOfMemory => "Give PostgreSQL more memory.",
        PostgresErrorCodes.QueryCanceled => "It took longer than its statement_timeout allows, or an operator ended it. Look at pg_stat_activity for what holds the database up.",
        ['5', '7', ..] => "PostgreSQL stops or starts, or ended the session. Repeat the request when it accepts connections again.",
        ['2', '8', ..] => "Check user and password in the connection string, and pg_hba.conf there.",
        ['3', 'D', ..] => "Create the database, or correct its name in the connection string.",
        PostgresErrorCodes.InsufficientPrivilege => "Grant this user the rights on the schema and its tables; the owner of the schema has them.",
        _ when error.InnerException is TimeoutException =>
            "It took longer than 'Timeout' or 'Command Timeout' in the connection string allow, or no connection of the pool came free. Look at the load of the database, and at pg_stat_activity for what holds it up.",
        _ => "Check that PostgreSQL runs there and that this machine reaches it, then repeat the request.",
    };
}
