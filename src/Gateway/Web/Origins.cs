namespace Fanfare.Gateway;

/// <summary>What started a run, as links.</summary>
internal static class Origins
{
    // The run's first event is among the first that were committed.
    private const int Look = 4;

    private static readonly string[] ByItself = ["schedule:", "trigger:", "backfill:"];

    /// <summary>What started a run by itself; null for a run that somebody started.</summary>
    public static async Task<RunCause?> CauseAsync(IReadModel reads, RunRow run, CancellationToken cancellationToken)
    {
        if (!ByItself.Any(start => run.Actor.StartsWith(start, StringComparison.Ordinal))) return null;
        var first = await reads.ReadHistoryAsync(run.Namespace, run.Run, 0, Look, cancellationToken);
        return first.Select(e => e.Entry.Event).OfType<RunStarted>().FirstOrDefault()?.Cause;
    }

    /// <summary>Who started it: the schedule, for which interval, and its backfill; or the trigger, and its events; or somebody's name.</summary>
    public static Html Of(RunRow run, RunCause? cause) => cause switch
    {
        { Schedule: { } schedule } => Html.Of($"<a href=\"{Links.SchedulePage(run.Namespace, run.Flow, schedule)}\">schedule {schedule}</a>{Html.If(cause.Backfill is not null, $", <a href=\"{Links.BackfillPage(run.Namespace, cause.Backfill ?? "")}\">backfill {cause.Backfill}</a>")}"),
        { Trigger: { } trigger } => Html.Of($"<a href=\"{TriggersPage.Path(run.Namespace, run.Flow)}\">trigger {trigger}</a>{(cause.Events ?? []).Select(id => Html.Of($", <a href=\"{Links.EventPage(run.Namespace, id)}\">event {id}</a>"))}"),
        _ => Html.Of($"{run.Actor}"),
    };

    /// <summary>The interval that it is about, as one of a run's facts.</summary>
    public static Html Interval(RunCause? cause) => Html.If(cause?.Interval is not null, $"<div><dt>Interval</dt><dd>{Show.Interval(cause?.Interval ?? default)}</dd></div>");
}
