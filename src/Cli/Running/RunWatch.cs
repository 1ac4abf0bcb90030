using Fanfare.Cli.Api;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Running;

/// <summary>Shows a run until it ends, then what came of it.</summary>
internal sealed class RunWatch(Session session, ApiClient api, IReadOnlyList<string> planned, bool logs)
{
    private static readonly TimeSpan LastLogs = TimeSpan.FromSeconds(3);

    /// <param name="cancelOnInterrupt">Whether Ctrl-C cancels the run; else it only stops watching.</param>
    /// <returns>The exit code of the run's outcome.</returns>
    public async Task<int> WatchAsync(string run, bool cancelOnInterrupt)
    {
        var interrupted = session.Host.Interrupts.Requested;
        RunSnapshot snapshot;
        LogFeed? feed = null;
        var view = session.Screen.Live
            ? (ProgressView)new LiveProgress(
                session.Screen.Results, session.Host.Clock, session.Host.Keyboard, planned,
                () => !cancelOnInterrupt ? "Ctrl-C leaves the run going" : interrupted.IsCancellationRequested ? "Ctrl-C leaves at once" : "Ctrl-C cancels",
                logs, wanted => feed?.Wanted = wanted)
            : new LineProgress(session.Screen.Json ? session.Host.Error : session.Host.Out, session.Host.Clock);
        session.Screen.Divert = view.Note;
        try
        {
            feed = new LogFeed(api, run, view, logs);
            await using (feed)
            {
                var follower = new RunFollower(api, session.Host.Clock, view) { EventSeen = feed.See };
                using var leave = new CancellationTokenSource();
                var following = follower.FollowAsync(run, cancelOnInterrupt ? leave.Token : interrupted);
                if (cancelOnInterrupt) await CancelOnInterruptAsync(run, following, view);
                snapshot = await following;
                if (logs) await feed.DrainAsync(LastLogs, session.Host.Clock, CancellationToken.None);
            }
        }
        finally
        {
            session.Screen.Divert = null;
            await view.DisposeAsync();
        }
        var report = await RunReport.ReadAsync(api, snapshot, CancellationToken.None);
        if (session.Screen.Json) session.Screen.WriteJson(report);
        else RunSummary.Write(session.Screen, report, session.Host.Clock.GetUtcNow());
        // A run that ended while it was being cancelled still counts as cancelled by who asked for it, unless it made it.
        return interrupted.IsCancellationRequested && snapshot.Run.Status != RunStatus.Succeeded ? ExitCode.Cancelled : ExitCode.Of(snapshot.Run.Status);
    }

    private async Task CancelOnInterruptAsync(string run, Task following, ProgressView view)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = session.Host.Interrupts.Requested.Register(() => asked.TrySetResult());
        if (await Task.WhenAny(following, asked.Task) == following) return;
        view.Note("Cancelling the run, and waiting for its tasks to end.");
        try
        {
            await api.CommandRunAsync(run, "cancel", new RunCommandRequest("Ctrl-C"), CancellationToken.None);
        }
        catch (ApiException e) when (e.Problem.Status == 409)
        {
            // It has just ended: then there is nothing to cancel.
        }
    }
}
