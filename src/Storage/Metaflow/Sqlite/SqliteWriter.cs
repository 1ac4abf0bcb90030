using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Metaflow.Sqlite;

/// <summary>Commits batches of writes to the file. It alone writes there, so what it has looked up holds until it commits.</summary>
internal sealed class SqliteWriter(Database database) : IDisposable
{
    private static readonly SqlText _sql = SqlText.Load("metaflow_sqlite.sql");

    /// <exception cref="SqliteFailure">Nothing of it was written.</exception>
    public void Commit(IReadOnlyList<Write> batch)
    {
        Prepare("begin").Run();
        try
        {
            foreach (var write in batch) Apply(write);
            Prepare("commit").Run();
        }
        catch
        {
            // A failure of the disk may have ended the transaction already.
            if (database.InTransaction) Prepare("rollback").Run();
            throw;
        }
    }

    public void Dispose()
    {
        database.Checkpoint(truncate: true);
        database.Dispose();
    }

    private void Apply(Write write)
    {
        switch (write)
        {
            case Write<NewMetaflowFlow, MetaflowFlow> flow: AddFlow(flow); break;
            case Write<NewMetaflowRun, MetaflowRun> run: AddRun(run); break;
            case Write<NewMetaflowStep, MetaflowStep> step: AddStep(step); break;
            case Write<NewMetaflowTask, MetaflowTask> task: AddTask(task); break;
            case Write<NewMetaflowMetadata, int> metadata: AddMetadata(metadata); break;
            case Write<NewMetaflowArtifacts, int> artifacts: AddArtifacts(artifacts); break;
            case Write<MetaflowHeartbeat, bool> beat: Beat(beat); break;
            case Write<MetaflowTagChange, IReadOnlyList<string>> change: ChangeTags(change); break;
            default: throw new InvalidOperationException($"Nobody knows how to write {write}.");
        }
    }

    private void AddFlow(Write<NewMetaflowFlow, MetaflowFlow> write)
    {
        var flow = write.Command;
        Prepare("add_flow").Bind(1, flow.Flow).Bind(2, flow.User).Bind(3, write.AtMs).Bind(4, flow.Tags).Bind(5, flow.SystemTags).Run();
        if (database.ChangedRows == 0) write.Answer(MetaflowOutcome.Exists);
        else write.Answer(new MetaflowAnswer<MetaflowFlow>(MetaflowOutcome.Done, new MetaflowFlow(flow.Flow, flow.User, write.AtMs, flow.Tags, flow.SystemTags)));
    }

    private void AddRun(Write<NewMetaflowRun, MetaflowRun> write)
    {
        var run = write.Command;
        if (One(Prepare("flow").Bind(1, run.Flow), SqliteRows.Flow) is null)
        {
            write.Answer(MetaflowOutcome.Missing);
            return;
        }
        long? beat = run.Beats ? write.AtS : null;
        Prepare("add_run").Bind(1, run.Flow).Bind(2, run.Id).Bind(3, run.User).Bind(4, write.AtMs).Bind(5, beat).Bind(6, run.Tags).Bind(7, run.SystemTags).Run();
        if (database.ChangedRows == 0) write.Answer(MetaflowOutcome.Exists);
        else write.Answer(new MetaflowAnswer<MetaflowRun>(MetaflowOutcome.Done, new MetaflowRun(run.Flow, database.LastRowId, run.Id, run.User, write.AtMs, beat, run.Tags, run.SystemTags)));
    }

    private void AddStep(Write<NewMetaflowStep, MetaflowStep> write)
    {
        var step = write.Command;
        if (Find(step.Run) is not { } run)
        {
            write.Answer(MetaflowOutcome.Missing);
            return;
        }
        Prepare("add_step").Bind(1, run.Flow).Bind(2, run.Number).Bind(3, run.Id ?? run.Number.ToString(System.Globalization.CultureInfo.InvariantCulture)).Bind(4, step.Step)
            .Bind(5, step.User).Bind(6, write.AtMs).Bind(7, step.Tags).Bind(8, step.SystemTags).Run();
        if (database.ChangedRows == 0) write.Answer(MetaflowOutcome.Exists);
        else write.Answer(new MetaflowAnswer<MetaflowStep>(MetaflowOutcome.Done, new MetaflowStep(step.Step, step.User, write.AtMs), run));
    }

    private void AddTask(Write<NewMetaflowTask, MetaflowTask> write)
    {
        var task = write.Command;
        if (Find(task.Run) is not { } run || One(Prepare("step").Bind(1, run.Flow).Bind(2, run.Number).Bind(3, task.Step), SqliteRows.Step) is null)
        {
            write.Answer(MetaflowOutcome.Missing);
            return;
        }
        long? beat = task.Beats ? write.AtS : null;
        Prepare("add_task").Bind(1, run.Flow).Bind(2, run.Number).Bind(3, run.Id).Bind(4, task.Step).Bind(5, task.Name).Bind(6, task.User).Bind(7, write.AtMs).Bind(8, beat)
            .Bind(9, task.Tags).Bind(10, task.SystemTags).Run();
        if (database.ChangedRows == 0)
        {
            write.Answer(MetaflowOutcome.Exists);
            return;
        }
        write.Answer(new MetaflowAnswer<MetaflowTask>(MetaflowOutcome.Done, new MetaflowTask(task.Step, database.LastRowId, task.Name, task.User, write.AtMs, beat), run));
        if (task.Beats) Prepare("beat_run").Bind(1, run.Number).Bind(2, write.AtS).Run();
    }

    private void AddMetadata(Write<NewMetaflowMetadata, int> write)
    {
        if (Find(write.Command.Task) is not var (run, task))
        {
            write.Answer(MetaflowOutcome.Missing);
            return;
        }
        foreach (var item in write.Command.Items)
            Prepare("add_datum").Bind(1, run.Flow).Bind(2, run.Number).Bind(3, run.Id).Bind(4, task.Step).Bind(5, task.Number).Bind(6, task.Name).Bind(7, item.Field).Bind(8, item.Value)
                .Bind(9, item.Type).Bind(10, item.User).Bind(11, write.AtMs).Bind(12, item.Tags).Bind(13, item.SystemTags).Run();
        write.Answer(new MetaflowAnswer<int>(MetaflowOutcome.Done, write.Command.Items.Count));
    }

    private void AddArtifacts(Write<NewMetaflowArtifacts, int> write)
    {
        if (Find(write.Command.Task) is not var (run, task))
        {
            write.Answer(MetaflowOutcome.Missing);
            return;
        }
        var added = 0L;
        foreach (var item in write.Command.Items)
        {
            Prepare("add_artifact").Bind(1, run.Flow).Bind(2, run.Number).Bind(3, run.Id).Bind(4, task.Step).Bind(5, task.Number).Bind(6, task.Name).Bind(7, item.Name).Bind(8, item.Location)
                .Bind(9, item.DsType).Bind(10, item.Sha).Bind(11, item.Type).Bind(12, item.ContentType).Bind(13, item.User).Bind(14, item.Attempt).Bind(15, write.AtMs).Bind(16, item.Tags)
                .Bind(17, item.SystemTags).Run();
            added += database.ChangedRows;
        }
        write.Answer(new MetaflowAnswer<int>(MetaflowOutcome.Done, (int)added));
    }

    private void Beat(Write<MetaflowHeartbeat, bool> write)
    {
        var task = write.Command.Task is { } key ? Find(key)?.Task : null;
        if (Find(write.Command.Run) is not { } run || (write.Command.Task is not null && task is null))
        {
            write.Answer(MetaflowOutcome.Missing);
            return;
        }
        if (task is not null) Prepare("beat_task").Bind(1, task.Number).Bind(2, write.AtS).Run();
        Prepare("beat_run").Bind(1, run.Number).Bind(2, write.AtS).Run();
        write.Answer(new MetaflowAnswer<bool>(MetaflowOutcome.Done, true));
    }

    private void ChangeTags(Write<MetaflowTagChange, IReadOnlyList<string>> write)
    {
        var (key, add, remove) = write.Command;
        if (Find(key) is not { } run)
        {
            write.Answer(MetaflowOutcome.Missing);
            return;
        }
        if (Tags.Forbidden(run.SystemTags, remove) is { Count: > 0 } forbidden)
        {
            write.Answer(new MetaflowAnswer<IReadOnlyList<string>>(MetaflowOutcome.Forbidden, forbidden));
            return;
        }
        var tags = Tags.Change(run.Tags, run.SystemTags, add, remove);
        Prepare("set_tags").Bind(1, run.Number).Bind(2, Tags.Write(tags)).Run();
        write.Answer(new MetaflowAnswer<IReadOnlyList<string>>(MetaflowOutcome.Done, tags));
    }

    private MetaflowRun? Find(MetaflowRunKey key) => SqliteRows.Run(database, _sql, key);

    private (MetaflowRun Run, MetaflowTask Task)? Find(MetaflowTaskKey key) => SqliteRows.Run(database, _sql, key.Run) is { } run && SqliteRows.Task(database, _sql, key, run.Number) is { } task ? (run, task) : null;

    private static T? One<T>(Statement statement, Func<Statement, T> read)
        where T : class => SqliteRows.One(statement, read);

    private Statement Prepare(string name) => database.Prepare(_sql[name]);
}
