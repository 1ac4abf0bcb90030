using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Fanfare.Postgres;

/// <summary>
/// A PostgreSQL server with a fresh cluster, which nobody else knows: on a port of its own of 127.0.0.1, and durable, as it would be in production. Databases are named
/// by the connection string that <see cref="CreateDatabaseAsync"/> gives.
/// </summary>
public sealed class PrivatePostgres : IAsyncDisposable
{
    private const string Superuser = "postgres", Prefix = "fanfare-postgres-";

    private const int PortAttempts = 5;

    private readonly string _cluster;
    private readonly ServerProcesses _processes;
    private readonly Guard _guard;
    private Process? _postmaster;
    private int _port;
    private int _databases;

    private PrivatePostgres(string directory)
    {
        Directory = directory;
        _cluster = ClusterIn(directory);
        _processes = new ServerProcesses(_cluster);
        Log = Path.Combine(directory, "log");
        _guard = Guard.Start(directory, _cluster);
    }

    /// <summary>Why no server can be started on this machine; null when one can. The first look may install one.</summary>
    public static string? Refusal => Installation.Refusal;

    /// <summary>The path of one of the installation's programs.</summary>
    public static string Program(string name) => Installation.Program(name);

    /// <summary>The file that the server writes its log to.</summary>
    public string Log { get; }

    /// <summary>Has the data, the log and the unix socket.</summary>
    public string Directory { get; }

    /// <summary>Connection string of the database that every cluster has.</summary>
    public string Maintenance => ConnectionString("postgres");

    /// <summary>The cluster's files.</summary>
    public string Data => Path.Combine(Directory, _cluster);

    private Process Postmaster => _postmaster ?? throw new InvalidOperationException("The server does not run.");

    public static async Task<PrivatePostgres> StartAsync()
    {
        if (Refusal is { } refusal) throw new InvalidOperationException(refusal);
        var directory = System.IO.Directory.CreateTempSubdirectory(Prefix).FullName;
        Account.Give(directory);
        var server = new PrivatePostgres(directory);
        try
        {
            await server.InitializeAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A server that follows another by streaming, until it is promoted.</summary>
    public static async Task<PrivatePostgres> FollowAsync(PrivatePostgres primary)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory(Prefix).FullName;
        Account.Give(directory);
        var server = new PrivatePostgres(directory);
        try
        {
            await primary.RunAsync("pg_basebackup", "--pgdata", server.Data, "--checkpoint", "fast", "--write-recovery-conf", "--no-sync");
            await server.ConfigureAsync($"unix_socket_directories = '{directory}'", $"cluster_name = '{server._cluster}'");
            await server.LaunchAnywhereAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Receives nothing more from the primary; what that writes from now on is missing here.</summary>
    public async Task LagAsync()
    {
        await ExecuteAsync("ALTER SYSTEM SET primary_conninfo = ''");
        await ExecuteAsync("SELECT pg_reload_conf()");
        while (await ScalarAsync<long>("SELECT count(*) FROM pg_stat_wal_receiver") > 0) await Task.Delay(20);
    }

    /// <summary>Makes a server that follows one that leads.</summary>
    public Task PromoteAsync() => ExecuteAsync("SELECT pg_promote()");

    /// <summary>The same database, on this server.</summary>
    public string SameDatabase(string other) => new NpgsqlConnectionStringBuilder(other) { Port = _port }.ConnectionString;

    /// <summary>The name of the cluster in a server's directory, by which its processes are found.</summary>
    public static string ClusterIn(string directory) => Path.GetFileName(directory).Replace(Prefix, "cluster-", StringComparison.Ordinal);

    /// <summary>Makes an empty database.</summary>
    /// <returns>Its connection string.</returns>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE template0");
        return ConnectionString(name);
    }

    /// <summary>Drops a database, whoever is connected to it.</summary>
    public async Task DropDatabaseAsync(string database)
    {
        await using (var pooled = new NpgsqlConnection(database)) NpgsqlConnection.ClearPool(pooled);
        await ExecuteAsync($"DROP DATABASE {NameOf(database)} WITH (FORCE)");
    }

    /// <summary>Ends the sessions of all who are connected to a database, and returns when they are gone.</summary>
    /// <returns>How many there were.</returns>
    public Task<long> TerminateConnectionsAsync(string database) =>
        // Looked up before any is ended: in one query the condition could meet sessions of other databases.
        ScalarAsync<long>($"""
            WITH sessions AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE datname = '{NameOf(database)}' AND pid <> pg_backend_pid())
            SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 30000)) FROM sessions
            """);

    /// <summary>Executes SQL as superuser, on a connection of its own.</summary>
    /// <param name="sql">One statement or more.</param>
    /// <param name="database">The maintenance database unless given.</param>
    public async Task ExecuteAsync(string sql, string? database = null)
    {
        await using var connection = await ConnectAsync(database);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The first column of the first row; the default for null or no row.</summary>
    public async Task<T?> ScalarAsync<T>(string sql, string? database = null)
    {
        await using var connection = await ConnectAsync(database);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    /// <summary>Makes the user that the server runs as the owner of a directory.</summary>
    public static void Give(string directory) => Account.Give(directory);

    /// <summary>kill -9 of the postmaster; returns when all of the server's processes are gone, which end on their own then.</summary>
    public async Task KillAsync()
    {
        ServerProcesses.Send(Postmaster.Id, ServerProcesses.Signal.Kill);
        await EndedAsync();
    }

    /// <summary>Stops the server, and returns when all of its processes are gone.</summary>
    public async Task StopAsync(StopMode mode)
    {
        ServerProcesses.Send(Postmaster.Id, mode == StopMode.Fast ? ServerProcesses.Signal.Interrupt : ServerProcesses.Signal.Quit);
        await EndedAsync();
    }

    /// <summary>Starts the server after <see cref="KillAsync"/> or <see cref="StopAsync"/>, on the same port and data; returns when it accepts connections.</summary>
    public async Task StartAgainAsync()
    {
        if (_postmaster is not null) throw new InvalidOperationException("The server runs.");
        if (!await LaunchAsync()) throw Failure("The server did not start again");
    }

    /// <summary>Adds lines to the server's configuration, which it reads when it starts.</summary>
    public Task ConfigureAsync(params string[] lines) => File.AppendAllLinesAsync(Path.Combine(Data, "postgresql.conf"), lines);

    /// <summary>Makes the server's files, which <see cref="StopAsync"/> has left, those of a backup that lies beside them.</summary>
    /// <param name="backup">Name of a folder in <see cref="Directory"/>; stays as it is.</param>
    public async Task PutBackAsync(string backup)
    {
        if (_postmaster is not null) throw new InvalidOperationException("The server runs.");
        System.IO.Directory.Delete(Data, recursive: true);
        await RunAsync("cp", "-a", Path.Combine(Directory, backup), Data);
    }

    /// <summary>Runs a command as the server's user, in its directory, to a good end. Programs of the installation are named as in <see cref="Program"/>; those that connect find the server.</summary>
    /// <returns>What it wrote.</returns>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        var found = File.Exists(Installation.Program(program)) ? Installation.Program(program) : program;
        string[] command = [.. Account.Prefix, found, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..]) { WorkingDirectory = Directory, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("PG", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        (start.Environment["PGHOST"], start.Environment["PGPORT"], start.Environment["PGUSER"]) = ("127.0.0.1", _port.ToString(CultureInfo.InvariantCulture), Superuser);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await error}");
    }

    /// <summary>SIGSTOP to all of the server's processes: connections stay, and nothing answers, until <see cref="ThawAsync"/>.</summary>
    public Task FreezeAsync() => _processes.FreezeAsync(Postmaster.Id);

    public Task ThawAsync() => _processes.ThawAsync();

    /// <summary>Ends the server at once and removes its directory.</summary>
    public async ValueTask DisposeAsync()
    {
        await _guard.DisposeAsync();
        _postmaster?.Dispose();
    }

    private async Task InitializeAsync()
    {
        using (var initialize = Start("initdb", "-D", Data, "-U", Superuser, "--auth=trust", "--no-locale", "-E", "UTF8", "--no-instructions", "--data-checksums", "--no-sync"))
        {
            await initialize.WaitForExitAsync();
            if (initialize.ExitCode != 0) throw Failure($"initdb ended with {initialize.ExitCode}");
        }
        await File.AppendAllLinesAsync(Path.Combine(Data, "postgresql.conf"),
        [
            "listen_addresses = '127.0.0.1'",
            $"unix_socket_directories = '{Directory}'",
            $"cluster_name = '{_cluster}'",
            "fsync = on",
            "synchronous_commit = on",
            "shared_buffers = 128MB",
            "max_connections = 60",
            // In files of the cluster, so that nothing of a killed server stays elsewhere.
            "dynamic_shared_memory_type = mmap",
            // Recovery first makes all files durable; in one call, instead of in one for each file, seconds are saved.
            "recovery_init_sync_method = syncfs",
        ]);
        await LaunchAnywhereAsync();
    }

    private async Task LaunchAnywhereAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            _port = Ports.Free();
            if (await LaunchAsync()) return;
            if (attempt == PortAttempts || !ReadLog().Contains("Address already in use", StringComparison.Ordinal)) throw Failure("The server did not start");
        }
    }

    /// <summary>Returns true when the server accepts connections, and false when it ended before.</summary>
    private async Task<bool> LaunchAsync()
    {
        _postmaster = Start("postgres", "-D", Data, "-p", _port.ToString(CultureInfo.InvariantCulture));
        await ServerProcesses.UntilAsync(() => IsReady(_postmaster.Id) || _postmaster.HasExited, "The server's readiness");
        if (!_postmaster.HasExited) return true;
        await EndedAsync();
        return false;
    }

    // As pg_ctl does it: the first line is the process's id, the eighth its state; "standby" is ready for queries. The file of a server that was killed names that one's id.
    private bool IsReady(int postmaster)
    {
        try
        {
            var lines = File.ReadAllLines(Path.Combine(Data, "postmaster.pid"));
            return lines.Length > 7 && lines[0] == postmaster.ToString(CultureInfo.InvariantCulture) && lines[7].TrimEnd() is "ready" or "standby";
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    private async Task EndedAsync()
    {
        // Who is frozen notices nothing, and handles no signal but SIGKILL.
        await ThawAsync();
        await Postmaster.WaitForExitAsync();
        await _processes.GoneAsync();
        Postmaster.Dispose();
        _postmaster = null;
    }

    /// <summary>Starts one of the server's programs, as its user, with its output in the log. The shell and setpriv become that program: the id stays.</summary>
    private Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("sh", ["-c", "exec \"$@\" </dev/null >>\"$0\" 2>&1", Log, .. Account.Prefix, Installation.Program(program), .. arguments]) { WorkingDirectory = Directory };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("PG", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        return Process.Start(start)!;
    }

    private async Task<NpgsqlConnection> ConnectAsync(string? database)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database ?? Maintenance) { Pooling = false }.ConnectionString);
        try
        {
            await connection.OpenAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = _port,
        Username = Superuser,
        Database = database,
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
        IncludeErrorDetail = true,
    }.ConnectionString;

    private static string NameOf(string database) => new NpgsqlConnectionStringBuilder(database).Database!;

    private string ReadLog() => File.Exists(Log) ? File.ReadAllText(Log) : "";

    // The end of the log comes first: a report of many lines may be cut.
    private InvalidOperationException Failure(string what) => new($"{what}. Its log, the last line first:\n{string.Join('\n', ReadLog().TrimEnd().Split('\n').Reverse())}");
}
