using Fanfare.Storage.Postgres.Read;
using Npgsql;

namespace Fanfare.Storage.Postgres;

/// <summary>Makes the sessions that a connection string stands for, with the settings that each use needs.</summary>
internal sealed class PostgresSessions
{
    private const string DefaultSchema = "fanfare", DefaultMetaflowSchema = "metaflow";

    /// <summary>One plan for all values, which goes by index and in the order of the arrays: the tables grow a thousandfold while it is kept. Locks are not
    /// waited for longer than an operator's mistake should hold a server up.</summary>
    public const string WriterOptions =
        "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off -c lock_timeout=10s -c idle_in_transaction_session_timeout=10s";

    /// <summary>A connection whose answer is not waited for any longer is given up, without asking the server to stop: it may not hear that either.</summary>
    private const int BreakAtOnce = -1;

    /// <summary>Queries at a time; the next ones wait. PostgreSQL allows a hundred connections by default, to all of its clients; of several nodes each has fewer.</summary>
    private const int MostReaders = 20, MostReadersOfNode = 10;

    private readonly NpgsqlConnectionStringBuilder _given;

    /// <exception cref="StoreUnavailableException">It is no connection string.</exception>
    public PostgresSessions(string connectionString)
    {
        try
        {
            _given = new NpgsqlConnectionStringBuilder(connectionString) { IncludeErrorDetail = true };
        }
        catch (ArgumentException error)
        {
            throw new StoreUnavailableException($"The connection string of the database cannot be read: {error.Message} Write it as 'Host=…;Username=…;Database=…'.", error);
        }
        if (string.IsNullOrEmpty(_given.SearchPath)) _given.SearchPath = DefaultSchema;
        // ContainsKey would be true for any keyword that there is.
        if (!_given.ShouldSerialize("Keepalive")) _given.KeepAlive = 15;
        if (!_given.ShouldSerialize("Timeout")) _given.Timeout = 5;
    }

    /// <summary>Where the database is, for messages; without user and password.</summary>
    public string Place => $"{_given.Database} at {_given.Host}:{_given.Port}";

    /// <summary>Where the tables lie: the first of the search path.</summary>
    public string Schema => _given.SearchPath!.Split(',')[0].Trim();

    /// <summary>Where Metaflow's tables lie: in <c>metaflow</c>, and beside a schema of another name than <c>fanfare</c> in one that is named after it, so that two installations in a database have each their own.</summary>
    public static string MetaflowSchemaOf(string schema) => schema == DefaultSchema ? DefaultMetaflowSchema : $"{schema}_{DefaultMetaflowSchema}";

    /// <summary>Sessions that see Metaflow's tables, and nothing of the journal.</summary>
    public PostgresSessions ForMetaflow() => new(new NpgsqlConnectionStringBuilder(_given.ConnectionString) { SearchPath = MetaflowSchemaOf(Schema) }.ConnectionString);

    /// <summary>As <see cref="Readers"/>. What no index has in order is sorted all the same: what a task has is found by the task, and then put in order.</summary>
    public NpgsqlDataSource MetaflowReaders() => Source(ReadSession.Options + " -c enable_incremental_sort=off -c enable_hashjoin=off -c enable_mergejoin=off", "fanfare metaflow", settings =>
    {
        if (!_given.ShouldSerialize("Maximum Pool Size")) settings.MaxPoolSize = MostReadersOfNode;
        settings.NoResetOnClose = true;
        settings.MaxAutoPrepare = 64;
        settings.AutoPrepareMinUsages = 2;
    });

    /// <param name="isShared">Whether other nodes use the database at the same time.</param>
    public NpgsqlDataSource Readers(bool isShared) => Source(ReadSession.Options, "fanfare reader", settings =>
    {
        if (!_given.ShouldSerialize("Maximum Pool Size")) settings.MaxPoolSize = isShared ? MostReadersOfNode : MostReaders;
        // Queries leave nothing behind in their session that would have to be reset.
        settings.NoResetOnClose = true;
        settings.MaxAutoPrepare = 64;
        settings.AutoPrepareMinUsages = 2;
    });

    public NpgsqlDataSource Writers() => Source(WriterOptions, "fanfare writer", settings =>
    {
        settings.Pooling = false;
        settings.CancellationTimeout = BreakAtOnce;
        settings.MaxAutoPrepare = 64;
        settings.AutoPrepareMinUsages = 1;
    });

    /// <summary>For questions that are to be answered within so long, or not at all.</summary>
    public NpgsqlDataSource Control(TimeSpan limit) => Control(limit, settings =>
    {
        settings.MaxPoolSize = 3;
        // They leave nothing behind in their session, either; to reset it would double what the renewal of the lease costs an idle database.
        settings.NoResetOnClose = true;
    });

    /// <summary>For the membership of silos, which is asked by a library.</summary>
    public string ForSilos => new NpgsqlConnectionStringBuilder(_given.ConnectionString) { ApplicationName = "fanfare silos", MinPoolSize = 0, MaxPoolSize = 3, CommandTimeout = 5 }.ConnectionString;

    /// <summary>For a server that waits to lead: its session listens, and holds a lock, until it is closed.</summary>
    public NpgsqlDataSource StandBy(TimeSpan limit) => Control(limit, settings => settings.Pooling = false);

    private NpgsqlDataSource Control(TimeSpan limit, Action<NpgsqlConnectionStringBuilder> set) => Source("-c lock_timeout=1s", "fanfare control", settings =>
    {
        settings.CancellationTimeout = BreakAtOnce;
        settings.Timeout = settings.CommandTimeout = Math.Max(1, (int)limit.TotalSeconds);
        settings.MaxAutoPrepare = 8;
        settings.AutoPrepareMinUsages = 2;
        set(settings);
    });

    private NpgsqlDataSource Source(string options, string application, Action<NpgsqlConnectionStringBuilder> set)
    {
        var settings = new NpgsqlConnectionStringBuilder(_given.ConnectionString) { ApplicationName = application };
        settings.Options = string.IsNullOrEmpty(settings.Options) ? options : $"{options} {settings.Options}";
        set(settings);
        return NpgsqlDataSource.Create(settings);
    }
}
