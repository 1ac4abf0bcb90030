namespace Fanfare.Contracts;

/// <summary>What Metaflow's clients record of their flows, runs, steps and tasks, and read again. It is their own record: no run of Fanfare depends on it.
/// A write is answered when it is durable; writes that come at once share a flush, and one that is refused does not disturb the others.</summary>
/// <remarks>A store that cannot be reached, read or written throws <see cref="RefusedException"/> with <see cref="RefusalKind.Busy"/>, values that it cannot hold with <see cref="RefusalKind.Invalid"/>.</remarks>
public interface IMetaflowStore : IAsyncDisposable
{
    /// <summary>Returns when the store answers.</summary>
    Task CheckAsync(CancellationToken cancellationToken);

    /// <summary>Makes a flow known.</summary>
    Task<MetaflowAnswer<MetaflowFlow>> AddAsync(NewMetaflowFlow flow, CancellationToken cancellationToken);

    /// <summary>Makes a run; <see cref="MetaflowOutcome.Missing"/> without its flow.</summary>
    Task<MetaflowAnswer<MetaflowRun>> AddAsync(NewMetaflowRun run, CancellationToken cancellationToken);

    /// <summary>Makes a step; <see cref="MetaflowOutcome.Missing"/> without its run.</summary>
    Task<MetaflowAnswer<MetaflowStep>> AddAsync(NewMetaflowStep step, CancellationToken cancellationToken);

    /// <summary>Makes a task; <see cref="MetaflowOutcome.Missing"/> without its step.</summary>
    Task<MetaflowAnswer<MetaflowTask>> AddAsync(NewMetaflowTask task, CancellationToken cancellationToken);

    /// <summary>Adds metadata to a task; returns how many.</summary>
    Task<MetaflowAnswer<int>> AddAsync(NewMetaflowMetadata metadata, CancellationToken cancellationToken);

    /// <summary>Adds artifacts to a task's attempt; returns how many were not there yet.</summary>
    Task<MetaflowAnswer<int>> AddAsync(NewMetaflowArtifacts artifacts, CancellationToken cancellationToken);

    /// <summary>Notes a sign of life. One that comes early counts as well.</summary>
    Task<MetaflowAnswer<bool>> BeatAsync(MetaflowHeartbeat heartbeat, CancellationToken cancellationToken);

    /// <summary>Changes a run's tags; returns those that it has then, or, where it is <see cref="MetaflowOutcome.Forbidden"/>, its system tags that were to be taken away. Changes that come at once are made one after the other, and none is lost.</summary>
    Task<MetaflowAnswer<IReadOnlyList<string>>> ChangeTagsAsync(MetaflowTagChange change, CancellationToken cancellationToken);

    /// <summary>Null when there is no such flow.</summary>
    Task<MetaflowFlow?> GetFlowAsync(string flow, CancellationToken cancellationToken);

    /// <summary>Flows, newest first, by time and name.</summary>
    Task<IReadOnlyList<MetaflowFlow>> ListFlowsAsync(MetaflowPlace? after, int limit, CancellationToken cancellationToken);

    /// <summary>Null when there is no such run.</summary>
    Task<MetaflowRun?> GetRunAsync(MetaflowRunKey run, CancellationToken cancellationToken);

    /// <summary>Runs of a flow, newest first, by time and number.</summary>
    /// <param name="withEnd">Whether to look how far their last step is.</param>
    Task<IReadOnlyList<MetaflowRun>> ListRunsAsync(string flow, bool withEnd, MetaflowPlace? after, int limit, CancellationToken cancellationToken);

    /// <summary>Null when there is no such step.</summary>
    Task<MetaflowStep?> GetStepAsync(string flow, long run, string step, CancellationToken cancellationToken);

    /// <summary>All steps of a run, oldest first.</summary>
    Task<IReadOnlyList<MetaflowStep>> ListStepsAsync(string flow, long run, CancellationToken cancellationToken);

    /// <summary>Null when there is no such task.</summary>
    Task<MetaflowTask?> GetTaskAsync(MetaflowTaskKey task, CancellationToken cancellationToken);

    /// <summary>Tasks of a step, newest first, by time and number.</summary>
    Task<IReadOnlyList<MetaflowTask>> ListTasksAsync(string flow, long run, string step, MetaflowPlace? after, int limit, CancellationToken cancellationToken);

    /// <summary>Metadata of a task or of a whole run, newest first, by time and id.</summary>
    Task<IReadOnlyList<MetaflowDatum>> ListMetadataAsync(MetaflowScope scope, MetaflowPlace? after, int limit, CancellationToken cancellationToken);

    /// <summary>Artifacts of each task's latest attempt, or of one attempt, by step, task's number, attempt (<see cref="MetaflowPlace.At"/>) and name.</summary>
    /// <param name="attempt">Null for the latest that left any.</param>
    Task<IReadOnlyList<MetaflowArtifact>> ListArtifactsAsync(MetaflowScope scope, int? attempt, MetaflowPlace? after, int limit, CancellationToken cancellationToken);

    /// <summary>Of each artifact what the latest attempt left that has one of its name; newest first, by time, task's number and name.</summary>
    Task<IReadOnlyList<MetaflowArtifact>> ListNewestArtifactsAsync(MetaflowScope scope, MetaflowPlace? after, int limit, CancellationToken cancellationToken);

    /// <summary>An artifact of one attempt; of the latest that left the one called <c>name</c>, which each leaves, where none is given. Null when there is none.</summary>
    Task<MetaflowArtifact?> GetArtifactAsync(MetaflowScope task, string name, int? attempt, CancellationToken cancellationToken);

    /// <summary>Tasks of a step that have metadata of a field whose value matches, by number.</summary>
    /// <param name="field">Null for any.</param>
    /// <param name="pattern">A regular expression that is to match somewhere in the value; null for any value.</param>
    Task<IReadOnlyList<(long Number, string? Name)>> FindTasksAsync(string flow, long run, string step, string? field, string? pattern, CancellationToken cancellationToken);
}
