namespace Fanfare.Cli.Hosting;

/// <summary>Files that say how a server is set up, and the secrets that they name.</summary>
internal static class OperatorFile
{
    /// <param name="what">What it is, for the error: an option, or a secret.</param>
    /// <exception cref="CommandException">It cannot be read, or is too large.</exception>
    public static string Text(string path, string what, string remedy)
    {
        try
        {
            return new FileInfo(path) is { Exists: true, Length: > Limits.SpecBytes }
                ? throw new CommandException(ExitCode.Usage, $"{what}: {path} is larger than {Limits.SpecBytes} bytes.", remedy)
                : File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"{what}: {error.Message}", remedy);
        }
    }

    /// <param name="directory">Where files of secrets are named from.</param>
    /// <param name="what">What it is of, for the error.</param>
    /// <exception cref="CommandException">It is not there.</exception>
    public static string Secret(CliHost host, SecretPlace place, string directory, string what) => place.Variable is { } variable
        ? host.Variable(variable) ?? throw new CommandException(ExitCode.Usage, $"{what} is not there: the variable {variable} is not set.", "Set it for the server.")
        : Text(Path.GetFullPath(place.File!, directory), what, "Make the file, for the server's user alone.").TrimEnd('\n', '\r');

    /// <summary>Tells the first of a file's errors.</summary>
    /// <exception cref="CommandException">There is one.</exception>
    public static void Refuse(IReadOnlyList<SpecError> errors, string option, string given)
    {
        if (errors.Count == 0) return;
        var first = errors[0];
        throw new CommandException(
            ExitCode.Usage, $"{option} {given}:{first.Line}:{first.Column}: {(first.Path.Length > 0 ? first.Path + ": " : "")}{first.Message}{(errors.Count > 1 ? $" There are {errors.Count - 1} more." : "")}", first.Remedy);
    }
}
