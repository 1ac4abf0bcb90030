namespace Fanfare.Worker.Processes;

/// <summary>Ends a group: SIGTERM, time to react, SIGKILL, and a bounded wait until it is gone.</summary>
internal static class GroupEnd
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(15);

    // Beyond this a process sits in an uninterruptible call; it is dead as soon as that returns.
    private static readonly TimeSpan AfterKill = TimeSpan.FromSeconds(2);

    /// <param name="group">What to end.</param>
    /// <param name="left">What is left of the grace; asked again and again, since it may be shortened.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Whether it took SIGKILL.</returns>
    public static async Task<bool> RunAsync(ProcessGroup group, Func<TimeSpan> left, TimeProvider time)
    {
        if (!group.IsAlive) return false;
        group.Signal(Libc.SigTerm);
        while (group.IsAlive && left() is var rest && rest > TimeSpan.Zero)
            await PauseAsync(group, rest < Look ? rest : Look, time);
        var isKilled = group.IsAlive;
        var since = time.GetTimestamp();
        while (group.IsAlive && time.GetElapsedTime(since) < AfterKill)
        {
            group.Signal(Libc.SigKill);
            await PauseAsync(group, Look, time);
        }
        return isKilled;
    }

    private static async Task PauseAsync(ProcessGroup group, TimeSpan pause, TimeProvider time)
    {
        var delay = Task.Delay(pause, time);
        if (group.Exited.IsCompleted) await delay;
        else await Task.WhenAny(group.Exited, delay);
    }
}
