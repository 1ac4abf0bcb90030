using Npgsql;

namespace Fanfare.EndToEnd.Standby;

/// <summary>A database that is put back to an earlier time, while workers still hold what they were leased since: what they were leased since is void, what they hand in of it is refused
/// and recorded, and the runs go on and end as they should.</summary>
[Collection(StandbySite.OneAfterAnother)]
public sealed class RestoreTests
{
    [PostgresTheory]
    [InlineData("dump, same database")]
    [InlineData("dump, new database")]
    [InlineData("point in time")]
    public async Task ARestoreToThePast_VoidsTheLeasesSince_AndTheRunsEndWell(string way)
    {
        const int tasks = 3;
        await using var site = await StandbySite.StartAsync(servers: 1, slots: tasks + 1);
        var server = site.Members[0];
        if (way == "point in time") await ArchiveAsync(site, server);
        var (known, unknown) = (site.In("known"), site.In("unknown"));
        var leased = await server.Api.StartAsync(Flows.Wide(tasks, $"echo $FANFARE_TASK >> {known}; {Run.Await(site.In("go"))}"));
        await TaskProcesses.LiveAsync(leased, tasks);
        // For these the worker has no room; another one comes after the backup.
        var waiting = await server.Api.StartAsync(Flows.Wide(tasks, $"echo $FANFARE_TASK >> {unknown}; {Run.Await(site.In("go"))}", cpu: 2));
        await server.Api.EventAsync(waiting, "foreach_opened");
        var before = await IncarnationAsync(server.Api);

        await BackUpAsync(site, way);
        site.Command("worker", "--server", server.Url, "--name", "second", "--slots", $"{tasks * 2}", "--data", site.In("second"));
        await TaskProcesses.LiveAsync(waiting, tasks);
        var forgotten = await server.Api.SucceedAsync("name: late\nsteps: {start: {run: \"true\"}}\n");
        server.Process.Terminate();
        Assert.Equal(0, await server.Process.ExitAsync(Eventually.Limit));
        // The workers are not stopped, and all tasks end meanwhile: their results are of before the restore.
        await File.WriteAllTextAsync(site.In("go"), "");
        await TaskProcesses.GoneAsync(leased);
        await TaskProcesses.GoneAsync(waiting);
        await site.StartAsync(server, await RestoreAsync(site, way));
        await server.Api.SucceedRunAsync(leased);
        await server.Api.SucceedRunAsync(waiting);

        Assert.NotEqual(before, await IncarnationAsync(server.Api));
        Assert.Contains("was restored", server.Process.Output, StringComparison.Ordinal);
        Assert.Equal(404, (await server.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{forgotten}")).Status);
        // What the backup knew of is good still, and was done once; what it did not know of was refused, and done anew.
        Assert.DoesNotContain(await server.Api.HistoryAsync(leased), e => e.Type is "result_refused" or "task_lost");
        Assert.Equal(tasks, (await File.ReadAllLinesAsync(known)).Length);
        var history = await server.Api.HistoryAsync(waiting);
        Assert.Equal(tasks, history.Count(e => e.Type == "result_refused"));
        Assert.Equal(tasks + 2, history.Count(e => e.Type == "task_succeeded"));
        Assert.Equal(tasks * 2, (await File.ReadAllLinesAsync(unknown)).Length);
    }

    private static async Task<string> IncarnationAsync(Api api) =>
        System.Text.Json.JsonDocument.Parse(await api.GetTextAsync("/api/v1/version")).RootElement.GetProperty("incarnation").GetString()!;

    private static string NameOf(StandbySite site) => new NpgsqlConnectionStringBuilder(site.Database).Database!;

    // As docs/postgresql.md says: archive the log, and take a base backup.
    private static async Task ArchiveAsync(StandbySite site, StandbySite.Member server)
    {
        var archive = Path.Combine(site.Postgres.Directory, "archive");
        await site.Postgres.RunAsync("mkdir", archive);
        await site.Postgres.ConfigureAsync("archive_mode = on", $"archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'", $"restore_command = 'cp {archive}/%f %p'", "recovery_target_name = 'before'", "recovery_target_action = 'promote'");
        await site.Postgres.StopAsync(StopMode.Fast);
        await site.Postgres.StartAgainAsync();
        await site.Postgres.RunAsync("pg_basebackup", "--pgdata", Path.Combine(site.Postgres.Directory, "base"), "--checkpoint", "fast", "--wal-method", "none", "--no-sync");
        await Eventually.TrueAsync(async () => (await server.Api.AnswerAsync(HttpMethod.Get, "/readyz")).Status == 200, "A server that is ready again");
    }

    private static async Task BackUpAsync(StandbySite site, string way)
    {
        if (way == "point in time") await site.Postgres.RunAsync("psql", "--command", "SELECT pg_create_restore_point('before')", "postgres");
        else await site.Postgres.RunAsync("pg_dump", "--schema", "fanfare", "--file", Path.Combine(site.Postgres.Directory, "dump.sql"), NameOf(site));
    }

    /// <returns>Connection string of the restored database.</returns>
    private static async Task<string> RestoreAsync(StandbySite site, string way)
    {
        var database = site.Database;
        switch (way)
        {
            case "point in time":
                await site.Postgres.RunAsync("psql", "--command", "SELECT pg_switch_wal()", "postgres");
                await site.Postgres.StopAsync(StopMode.Fast);
                await site.Postgres.PutBackAsync("base");
                await site.Postgres.RunAsync("touch", Path.Combine(site.Postgres.Data, "recovery.signal"));
                await site.Postgres.StartAgainAsync();
                return database;
            case "dump, new database":
                database = await site.Postgres.CreateDatabaseAsync();
                break;
            default:
                await site.Postgres.ExecuteAsync("DROP SCHEMA fanfare CASCADE", database);
                break;
        }
        await site.Postgres.RunAsync("psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", Path.Combine(site.Postgres.Directory, "dump.sql"), new NpgsqlConnectionStringBuilder(database).Database!);
        return database;
    }
}
