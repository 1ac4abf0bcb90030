namespace Fanfare.Cli.Hosting;

/// <summary>Where an embedded server keeps its journal and blobs, and how another command on this machine finds it.</summary>
internal static class DataDirectory
{
    // Named so that a look into the directory explains it.
    private const string AddressFile = "server.url";

    /// <summary><c>$XDG_DATA_HOME/fanfare</c>, else <c>~/.local/share/fanfare</c>.</summary>
    public static string Default(CliHost host)
    {
        var data = host.Variable("XDG_DATA_HOME");
        if (!string.IsNullOrEmpty(data) && Path.IsPathRooted(data)) return Path.Combine(data, "fanfare");
        var home = host.Variable("HOME");
        if (string.IsNullOrEmpty(home)) home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return string.IsNullOrEmpty(home)
            ? throw new CommandException(ExitCode.Usage, "There is no home directory to keep the journal in.", "Name a directory with --data DIR.")
            : Path.Combine(home, ".local", "share", "fanfare");
    }

    public static string Resolve(CliHost host, string? given) =>
        given is null ? Default(host) : Path.GetFullPath(given, host.WorkingDirectory);

    /// <summary>Makes it where it is not there.</summary>
    /// <exception cref="CommandException">It cannot be made: says what to do.</exception>
    public static void Make(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"The data directory {directory} cannot be made ({e.Message}).", "Give this user write permission there, or name another directory with --data.");
        }
    }

    /// <summary>The address that a server noted there; null when none did. It may be stale: probe it.</summary>
    public static Uri? ReadAddress(string directory)
    {
        try
        {
            var text = File.ReadAllText(Path.Combine(directory, AddressFile)).Trim();
            return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttp ? url : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static void WriteAddress(string directory, Uri address) => File.WriteAllText(Path.Combine(directory, AddressFile), $"{address}\n");

    /// <summary>Removes the note, when it is still this server's.</summary>
    public static void ClearAddress(string directory, Uri address)
    {
        if (ReadAddress(directory) == address) File.Delete(Path.Combine(directory, AddressFile));
    }
}
