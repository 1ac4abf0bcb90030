using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Read;

/// <summary>Queries over the rows that the journal's appends wrote; deployments, and what they share. One part for each kind of row.</summary>
internal sealed partial class SqliteReadModel(ReadConnections connections) : IReadModel
{
    public Task<DeploymentRow?> GetDeploymentAsync(string ns, string flow, int? version, CancellationToken cancellationToken) =>
        QueryAsync(db => version is { } wanted
            ? One(Sql(db, "deployment").Bind(1, ns).Bind(2, flow).Bind(3, wanted), RowReader.Deployment)
            : Latest(db, ns, flow), cancellationToken);

    public Task<Page<DeploymentRow>> ListFlowsAsync(string ns, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var after = Cursor.Name(cursor, "flows") ?? "";
        return QueryAsync(db =>
        {
            var rows = new List<DeploymentRow>();
            while (rows.Count <= limit)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var flow = One(Sql(db, "next_flow").Bind(1, ns).Bind(2, after), s => s.TextOrNull(0));
                if (flow is null) break;
                rows.Add(Latest(db, ns, flow)!);
                after = flow;
            }
            return Page(rows, limit, row => Cursor.OfName("flows", row.Flow));
        }, cancellationToken);
    }

    public Task<Page<DeploymentRow>> ListDeploymentsAsync(string ns, string flow, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var before = Cursor.Key(cursor, "deployments", 1)?[0] ?? long.MaxValue;
        return QueryAsync(db => Page(
            All(Sql(db, "deployments").Bind(1, ns).Bind(2, flow).Bind(3, before).Bind(4, limit + 1L), RowReader.Deployment, cancellationToken),
            limit, row => Cursor.Of("deployments", row.Version)), cancellationToken);
    }

    public Task<ScheduleRow?> GetScheduleAsync(string ns, string flow, string schedule, CancellationToken cancellationToken) =>
        QueryAsync(db => One(Sql(db, "schedule").Bind(1, ns).Bind(2, flow).Bind(3, schedule), RowReader.Schedule), cancellationToken);

    public Task<Page<ScheduleRow>> ListSchedulesAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var (afterFlow, after) = Cursor.ScheduleName(cursor);
        return QueryAsync(db => Page(
            All(flow is null ? Sql(db, "schedules").Bind(1, ns).Bind(2, afterFlow).Bind(3, after).Bind(4, limit + 1L) : Sql(db, "schedules_of_flow").Bind(1, ns).Bind(2, flow).Bind(3, after).Bind(4, limit + 1L), RowReader.Schedule, cancellationToken),
            limit, row => Cursor.OfSchedule(row.Flow, row.Schedule)), cancellationToken);
    }

    public async Task<IReadOnlyList<ScheduleRow>> ListDueSchedulesAsync(string ns, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        return await QueryAsync(db => All(Sql(db, "schedules_due").Bind(1, ns).Bind(2, limit), RowReader.Schedule, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    public Task<long> GetPositionAsync(string ns, string run, CancellationToken cancellationToken) => QueryAsync(db => One(Sql(db, "position"), s => s.Long(0)), cancellationToken);

    private static DeploymentRow? Latest(Database db, string ns, string flow) =>
        One(Sql(db, "latest_deployment").Bind(1, ns).Bind(2, flow), RowReader.Deployment);

    private Task<T> QueryAsync<T>(Func<Database, T> query, CancellationToken cancellationToken) => connections.QueryAsync(query, cancellationToken);

    private static Statement Sql(Database db, string name) => db.Prepare(ReadConnections.Sql[name]);

    private static T? One<T>(Statement statement, Func<Statement, T> read)
    {
        var row = statement.Step() ? read(statement) : default;
        statement.Reset();
        return row;
    }

    private static List<T> All<T>(Statement statement, Func<Statement, T> read, CancellationToken cancellationToken)
    {
        var rows = new List<T>();
        while (statement.Step())
        {
            cancellationToken.ThrowIfCancellationRequested();
            rows.Add(read(statement));
        }
        return rows;
    }

    /// <summary>A page of <paramref name="limit"/> rows out of up to one more, which tells that another page follows.</summary>
    private static Page<T> Page<T>(List<T> rows, int limit, Func<T, string> cursor)
    {
        if (rows.Count <= limit) return new Page<T>(rows, null);
        rows.RemoveRange(limit, rows.Count - limit);
        return new Page<T>(rows, cursor(rows[^1]));
    }

    private static long? IdOf(Database db, StreamId stream) => One(Sql(db, "stream_id").Bind(1, stream.ToString()), s => (long?)s.Long(0));

    private static void CheckLimit(int limit, [CallerArgumentExpression(nameof(limit))] string? name = null) =>
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1, name);
}
