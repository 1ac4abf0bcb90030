using System.Globalization;

namespace Fanfare.Worker.Processes;

/// <summary>What <c>/proc/PID/stat</c> says of a process. <paramref name="StartTime"/> is in clock ticks since the machine's start;
/// with the process id it names one process for as long as the machine is up.</summary>
internal readonly record struct ProcStat(char State, int Parent, int Group, int Session, ulong StartTime)
{
    /// <summary>Null when there is no such process.</summary>
    public static ProcStat? Read(int pid)
    {
        try
        {
            return Parse(File.ReadAllText($"/proc/{pid}/stat"));
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Null when the text is not of that form. The command's name, in brackets, may hold anything.</summary>
    public static ProcStat? Parse(string text)
    {
        var bracket = text.LastIndexOf(')');
        if (bracket < 0 || bracket + 2 >= text.Length) return null;
        var fields = text[(bracket + 2)..].Split(' ');
        return fields.Length > 19
            && int.TryParse(fields[1], CultureInfo.InvariantCulture, out var parent)
            && int.TryParse(fields[2], CultureInfo.InvariantCulture, out var group)
            && int.TryParse(fields[3], CultureInfo.InvariantCulture, out var session)
            && ulong.TryParse(fields[19], CultureInfo.InvariantCulture, out var start)
            ? new ProcStat(fields[0][0], parent, group, session, start)
            : null;
    }
}
