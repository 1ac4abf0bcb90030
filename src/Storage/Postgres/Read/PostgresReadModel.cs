using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres.Read;

/// <summary>Queries over the rows that the journal's appends wrote; deployments, and what they share. One part for each kind of row.</summary>
internal sealed partial class PostgresReadModel : IReadModel
{
    private readonly NpgsqlDataSource _reads;
    private readonly Func<StreamId, CancellationToken, ValueTask<long>> _position;
    private readonly ReadQueries _queries;
    private readonly Gathering<(string Namespace, string Run), RunRow> _runs;

    /// <param name="reads">Connections for reading, with <see cref="ReadSession.Options"/> and automatic preparation.</param>
    /// <param name="position">The highest position up to which every commit of a run is seen, as the journal's writer knows it, which may be another node. It never falls. Above it commits are seen in any order.</param>
    public PostgresReadModel(NpgsqlDataSource reads, Func<StreamId, CancellationToken, ValueTask<long>> position)
    {
        (_reads, _position, _queries) = (reads, position, new ReadQueries(reads));
        _runs = new(RunsAsync, RunsTogether, LookupsAtOnce);
    }

    public Task<DeploymentRow?> GetDeploymentAsync(string ns, string flow, int? version, CancellationToken cancellationToken) => OneAsync(
        version is { } wanted ? Sql("deployment").With(ns).With(flow).With(wanted) : Sql("latest_deployment").With(ns).With(flow),
        RowReader.Deployment, cancellationToken);

    public async Task<Page<DeploymentRow>> ListFlowsAsync(string ns, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var after = Cursor.Name(cursor, "flows") ?? "";
        var rows = await AllAsync(Sql("flows").With(ns).With(after).With(limit + 1L), RowReader.Deployment, cancellationToken).ConfigureAwait(false);
        return Page(rows, limit, row => Cursor.OfName("flows", row.Flow));
    }

    public async Task<Page<DeploymentRow>> ListDeploymentsAsync(string ns, string flow, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var before = Cursor.Key(cursor, "deployments", 1)?[0] ?? long.MaxValue;
        var rows = await AllAsync(Sql("deployments").With(ns).With(flow).With(before).With(limit + 1L), RowReader.Deployment, cancellationToken).ConfigureAwait(false);
        return Page(rows, limit, row => Cursor.Of("deployments", row.Version));
    }

    public Task<ScheduleRow?> GetScheduleAsync(string ns, string flow, string schedule, CancellationToken cancellationToken) =>
        OneAsync(Sql("schedule").With(ns).With(flow).With(schedule), RowReader.Schedule, cancellationToken);

    public async Task<Page<ScheduleRow>> ListSchedulesAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var (afterFlow, after) = Cursor.ScheduleName(cursor);
        var query = flow is null ? Sql("schedules").With(ns).With(afterFlow) : Sql("schedules_of_flow").With(ns).With(flow);
        var rows = await AllAsync(query.With(after).With(limit + 1L), RowReader.Schedule, cancellationToken).ConfigureAwait(false);
        return Page(rows, limit, row => Cursor.OfSchedule(row.Flow, row.Schedule));
    }

    public async Task<IReadOnlyList<ScheduleRow>> ListDueSchedulesAsync(string ns, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        return await AllAsync(Sql("schedules_due").With(ns).With((long)limit), RowReader.Schedule, cancellationToken).ConfigureAwait(false);
    }

    public async Task<long> GetPositionAsync(string ns, string run, CancellationToken cancellationToken) => await _position(StreamId.Run(ns, run), cancellationToken).ConfigureAwait(false);

    private static NpgsqlCommand Sql(string name) => new(ReadQueries.Sql[name]);

    private Task<T?> OneAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken) => _queries.OneAsync(command, read, cancellationToken);

    private Task<List<T>> AllAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken) => _queries.AllAsync(command, read, cancellationToken);

    /// <summary>A page of <paramref name="limit"/> rows out of up to one more, which tells that another page follows.</summary>
    private static Page<T> Page<T>(List<T> rows, int limit, Func<T, string> cursor)
    {
        if (rows.Count <= limit) return new Page<T>(rows, null);
        rows.RemoveRange(limit, rows.Count - limit);
        return new Page<T>(rows, cursor(rows[^1]));
    }

    private static void CheckLimit(int limit, [CallerArgumentExpression(nameof(limit))] string? name = null) =>
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1, name);
}
