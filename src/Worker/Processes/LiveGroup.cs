using System.Globalization;

namespace Fanfare.Worker.Processes;

/// <summary>A process group that a task runs in, by its leader's id and start time.</summary>
internal readonly record struct LiveGroup(int Id, ulong StartTime)
{
    /// <summary>Whether the group is still the one that was started, and not another under a reused id: an id is not given
    /// out again while a group of that name has members.</summary>
    public bool IsAlive => Libc.GroupExists(Id) && (ProcStat.Read(Id) is not { } leader || leader.StartTime == StartTime);

    /// <summary>Signals all members. False when there is none.</summary>
    public bool Signal(int signal) => IsAlive && Libc.Kill(-Id, signal);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id} {StartTime}");

    public static bool TryParse(string text, out LiveGroup group)
    {
        group = default;
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0
            || !int.TryParse(text.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id < 2
            || !ulong.TryParse(text.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var start))
            return false;
        group = new LiveGroup(id, start);
        return true;
    }
}
