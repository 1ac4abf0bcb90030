using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Write;

/// <summary>Writes the read model's rows, inside the transaction of the append that brought them.</summary>
internal sealed class RowWriter(Database database, SqlText sql)
{
    private readonly Statement _putDeployment = database.Prepare(sql["put_deployment"]);
    private readonly Statement _deleteDeployments = database.Prepare(sql["delete_deployments"]);
    private readonly Statement _putSchedule = database.Prepare(sql["put_schedule"]);
    private readonly Statement _putTrigger = database.Prepare(sql["put_trigger"]);
    private readonly Statement _removeTrigger = database.Prepare(sql["remove_trigger"]);
    private readonly Statement _removeTriggerSources = database.Prepare(sql["remove_trigger_sources"]);
    private readonly Statement _addTriggerSource = database.Prepare(sql["add_trigger_source"]);
    private readonly Statement _putEvent = database.Prepare(sql["put_event"]);
    private readonly Statement _putBackfill = database.Prepare(sql["put_backfill"]);
    private readonly Statement _putNotice = database.Prepare(sql["put_notice"]);
    private readonly Statement _putPool = database.Prepare(sql["put_pool"]);
    private readonly Statement _removePool = database.Prepare(sql["remove_pool"]);
    private readonly Statement _putDeadLetter = database.Prepare(sql["put_dead_letter"]);
    private readonly Statement _removeDeadLetter = database.Prepare(sql["remove_dead_letter"]);
    private readonly Statement _putRun = database.Prepare(sql["put_run"]);
    private readonly Statement _findRunTags = database.Prepare(sql["find_run_tags"]);
    private readonly Statement _removeRunTag = database.Prepare(sql["remove_run_tag"]);
    private readonly Statement _addRunTag = database.Prepare(sql["add_run_tag"]);
    private readonly Statement _putStep = database.Prepare(sql["put_step"]);
    private readonly Statement _putTask = database.Prepare(sql["put_task"]);
    private readonly Statement _putAttempt = database.Prepare(sql["put_attempt"]);
    private readonly Statement _addTask = database.Prepare(sql["add_task"]);
    private readonly Statement _addAttempt = database.Prepare(sql["add_attempt"]);

    public void Write(StreamEntry stream, StreamId id, Row row)
    {
        switch (row)
        {
            case TaskRow task:
                Bind(_putTask, stream, task).Run();
                if (task.OwnAttempt is { } own) Bind(_putAttempt, stream, own).Run();
                break;
            case GrantRow grant:
                WriteGrant(stream, grant);
                break;
            case AttemptRow attempt:
                Bind(_putAttempt, stream, attempt).Run();
                break;
            case StepRow step:
                _putStep.Bind(1, stream.Id).Bind(2, stream.RunId).Bind(3, step.Key.Step).Bind(4, Codes.Of(step.Status)).Bind(5, step.InForeach ? 1 : 0)
                    .Bind(6, step.Total).Bind(7, step.Running).Bind(8, step.Backoff).Bind(9, step.Succeeded).Bind(10, step.Failed).Bind(11, step.Cancelled)
                    .Bind(12, Instant.ToMicroseconds(step.OpenedAt)).Bind(13, Instant.ToMicroseconds(step.EndedAt)).Run();
                break;
            case RunRow run:
                WriteRun(stream.Id, run);
                break;
            case DeploymentRow deployment:
                _putDeployment.Bind(1, stream.Id).Bind(2, deployment.Namespace).Bind(3, deployment.Flow).Bind(4, deployment.Version).Bind(5, deployment.Digest)
                    .Bind(6, deployment.Spec).Bind(7, deployment.Source).Bind(8, deployment.Package)
                    .Bind(9, Instant.ToMicroseconds(deployment.CreatedAt)).Bind(10, deployment.Actor).Run();
                break;
            case ScheduleRow schedule:
                _putSchedule.Bind(1, stream.Id).Bind(2, schedule.Namespace).Bind(3, schedule.Flow).Bind(4, schedule.Schedule)
                    .Bind(5, Instant.ToMicroseconds(schedule.Due)).Bind(6, Standings.Write(schedule.Standing)).Run();
                break;
            case NoticeRow notice:
                _putNotice.Bind(1, stream.Id).Bind(2, notice.Namespace).Bind(3, notice.Notice).Bind(4, notice.Flow).Bind(5, Instant.ToMicroseconds(notice.At)).Bind(6, notice.IsRaised ? 1 : 0)
                    .Bind(7, notice.IsDead ? 1 : 0).Bind(8, Standings.Write(notice.Standing)).Run();
                break;
            case BackfillRow backfill:
                _putBackfill.Bind(1, stream.Id).Bind(2, backfill.Namespace).Bind(3, backfill.Backfill).Bind(4, backfill.Flow).Bind(5, backfill.Schedule).Bind(6, backfill.Actor)
                    .Bind(7, Instant.ToMicroseconds(backfill.CreatedAt)).Bind(8, Standings.Write(backfill.Standing)).Run();
                break;
            case PoolRow { Standing: { } standing } pool:
                _putPool.Bind(1, pool.Pool).Bind(2, Standings.Write(standing)).Run();
                break;
            case PoolRow gone:
                _removePool.Bind(1, gone.Pool).Run();
                break;
            case TriggerRow trigger:
                WriteTrigger(trigger);
                break;
            case EventRow published:
                _putEvent.Bind(1, stream.Id).Bind(2, published.Namespace).Bind(3, published.Event).Bind(4, Codes.Of(published.Origin.Kind)).Bind(5, published.Origin.Name).Bind(6, published.Payload)
                    .Bind(7, published.Key).Bind(8, published.Actor).Bind(9, Instant.ToMicroseconds(published.At)).Bind(10, Standings.Write(published.Outcomes)).Run();
                break;
            case DeadLetterRow { Reason: { } reason } dead:
                _putDeadLetter.Bind(1, dead.Namespace).Bind(2, dead.Event).Bind(3, dead.Flow).Bind(4, dead.Trigger).Bind(5, Codes.Of(dead.Origin.Kind)).Bind(6, dead.Origin.Name)
                    .Bind(7, Instant.ToMicroseconds(dead.At)).Bind(8, reason).Run();
                break;
            case DeadLetterRow settled:
                _removeDeadLetter.Bind(1, settled.Namespace).Bind(2, settled.Event).Bind(3, settled.Flow).Bind(4, settled.Trigger).Run();
                break;
            case DeletionRow deletion:
                _deleteDeployments.Bind(1, deletion.Namespace).Bind(2, deletion.Flow).Bind(3, deletion.First).Bind(4, deletion.Last).Bind(5, Instant.ToMicroseconds(deletion.DeletedAt)).Run();
                break;
            default:
                throw new InvalidOperationException($"{id} wrote a row of type {row.GetType().Name}, which has no table.");
        }
    }

    // Here a grant is kept as its tasks' rows, of which an update costs little. What has a row already says more than the grant does.
    private void WriteGrant(StreamEntry stream, GrantRow grant)
    {
        foreach (var granted in grant.Tasks)
        {
            var (task, attempt) = grant.Running(granted);
            Bind(_addTask, stream, task).Run();
            Bind(_addAttempt, stream, attempt).Run();
        }
    }

    private void WriteTrigger(TriggerRow row)
    {
        _removeTriggerSources.Bind(1, row.Namespace).Bind(2, row.Flow).Bind(3, row.Trigger).Run();
        if (row.Standing is not { } standing)
        {
            _removeTrigger.Bind(1, row.Namespace).Bind(2, row.Flow).Bind(3, row.Trigger).Run();
            return;
        }
        _putTrigger.Bind(1, row.Namespace).Bind(2, row.Flow).Bind(3, row.Trigger).Bind(4, Standings.Write(standing)).Run();
        foreach (var origin in standing.Spec.Sources.Select(source => source.Origin).Distinct())
            _addTriggerSource.Bind(1, Codes.Of(origin.Kind)).Bind(2, row.Namespace).Bind(3, origin.Name).Bind(4, row.Flow).Bind(5, row.Trigger).Run();
    }

    private static Statement Bind(Statement statement, StreamEntry stream, TaskRow task) =>
        statement.Bind(1, stream.Id).Bind(2, task.Split).Bind(3, stream.RunId).Bind(4, Codes.Of(task.Status)).Bind(5, task.Attempt)
            .Bind(6, task.Worker).Bind(7, Instant.ToMicroseconds(task.LeasedAt)).Bind(8, Instant.ToMicroseconds(task.StartedAt))
            .Bind(9, Instant.ToMicroseconds(task.EndedAt)).Bind(10, Json(task.Error)).Bind(11, task.Output)
            .Bind(12, task.Artifacts is { } artifacts ? JsonSerializer.Serialize(artifacts, ContractsJson.Default.IReadOnlyListArtifact) : null);

    private static Statement Bind(Statement statement, StreamEntry stream, AttemptRow attempt) =>
        statement.Bind(1, stream.Id).Bind(2, attempt.Split).Bind(3, attempt.Attempt).Bind(4, Codes.Of(attempt.Status)).Bind(5, attempt.Worker)
            .Bind(6, attempt.Token).Bind(7, Instant.ToMicroseconds(attempt.LeasedAt)).Bind(8, Instant.ToMicroseconds(attempt.StartedAt))
            .Bind(9, Instant.ToMicroseconds(attempt.EndedAt)).Bind(10, Json(attempt.Error));

    private void WriteRun(long id, RunRow run)
    {
        var tags = JsonSerializer.Serialize(run.Tags, ContractsJson.Default.IReadOnlyListString);
        var created = Instant.ToMicroseconds(run.CreatedAt);
        WriteTags(id, run, tags, created);
        _putRun.Bind(1, id).Bind(2, run.Namespace).Bind(3, run.Run).Bind(4, run.Flow).Bind(5, run.Deployment).Bind(6, Codes.Of(run.Status))
            .Bind(7, run.Parameters).Bind(8, tags).Bind(9, run.Priority).Bind(10, run.IdempotencyKey).Bind(11, run.Actor).Bind(12, run.Generation)
            .Bind(13, created).Bind(14, Instant.ToMicroseconds(run.EndedAt)).Bind(15, Json(run.Error)).Run();
    }

    private void WriteTags(long id, RunRow run, string tags, long created)
    {
        string? before = null;
        var createdBefore = 0L;
        if (_findRunTags.Bind(1, id).Step()) (before, createdBefore) = (_findRunTags.Text(0), _findRunTags.Long(1));
        _findRunTags.Reset();
        if (before == tags && createdBefore == created) return;
        if (before is not null)
            foreach (var tag in JsonSerializer.Deserialize(before, ContractsJson.Default.IReadOnlyListString)!)
                _removeRunTag.Bind(1, run.Namespace).Bind(2, tag).Bind(3, createdBefore).Bind(4, id).Run();
        foreach (var tag in run.Tags) _addRunTag.Bind(1, run.Namespace).Bind(2, tag).Bind(3, created).Bind(4, id).Run();
    }

    private static string? Json(TaskError? error) => error is null ? null : JsonSerializer.Serialize(error, ContractsJson.Default.TaskError);
}
