namespace Fanfare.Worker;

/// <summary>Looks a command up as the system will, to say plainly why it cannot be executed.</summary>
internal static class ExecutableFile
{
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>What is wrong and what to do; null when there is such a file.</summary>
    public static string? WhyNot(string command, string directory, string path)
    {
        if (command.Length == 0) return "run: the first word of the command is empty. Name a program.";
        if (command.Contains('/', StringComparison.Ordinal))
        {
            var file = Path.GetFullPath(Path.Combine(directory, command));
            if (Directory.Exists(file)) return $"run: '{command}' is a directory. Name a program.";
            if (!File.Exists(file)) return $"run: there is no '{command}' on the worker. Pack it with the flow's code, or install it there.";
            return IsExecutable(file) ? null : $"run: '{command}' is not executable. Set its execute permission before packing it, or name its interpreter first.";
        }
        foreach (var at in path.Split(':'))
        {
            var file = Path.Combine(directory, at, command);
            if (File.Exists(file) && IsExecutable(file)) return null;
        }
        return $"run: there is no '{command}' in the worker's PATH ({path}). Install it there, or pack it and name it with its directory.";
    }

    private static bool IsExecutable(string file) => OperatingSystem.IsWindows() || (File.GetUnixFileMode(file) & AnyExecute) != 0;
}
