using Fanfare.Gateway;
using Fanfare.Specs;

namespace Fanfare.Cli.Hosting;

/// <summary>The file that says which webhooks the server takes, and the secrets that it names.</summary>
internal static class WebhookFile
{
    /// <param name="option">The file; null for the environment's, and where that names none, for no webhooks.</param>
    /// <exception cref="CommandException">It cannot be read, is wrong, or a secret is not there.</exception>
    public static IReadOnlyList<Webhook> Given(CliHost host, string? option)
    {
        var given = string.IsNullOrWhiteSpace(option) ? host.Variable("FANFARE_WEBHOOKS") : option;
        if (string.IsNullOrWhiteSpace(given)) return [];
        var path = Path.GetFullPath(given, host.WorkingDirectory);
        var (specs, errors) = WebhookFileReader.Read(ReadText(path, "--webhooks", "Name a file that can be read."));
        if (errors.Count > 0)
        {
            var first = errors[0];
            throw new CommandException(
                ExitCode.Usage, $"--webhooks {given}:{first.Line}:{first.Column}: {(first.Path.Length > 0 ? first.Path + ": " : "")}{first.Message}{(errors.Count > 1 ? $" There are {errors.Count - 1} more." : "")}", first.Remedy);
        }
        // A file of a secret is named from where the webhooks' file is.
        return [.. specs.Select(spec => new Webhook(spec, [.. spec.Secrets.Select(place => Secret(host, spec, place, Path.GetDirectoryName(path)!))]))];
    }

    private static ReadOnlyMemory<byte> Secret(CliHost host, WebhookSpec spec, SecretPlace place, string directory)
    {
        var what = $"The secret of webhook '{spec.Name}'";
        var text = place.Variable is { } variable
            ? host.Variable(variable) ?? throw new CommandException(ExitCode.Usage, $"{what} is not there: the variable {variable} is not set.", "Set it for the server.")
            : ReadText(Path.GetFullPath(place.File!, directory), what, "Make the file, for the server's user alone.").TrimEnd('\n', '\r');
        try
        {
            return Webhook.SecretOf(text);
        }
        catch (FormatException wrong)
        {
            throw new CommandException(ExitCode.Usage, $"{what} in {place.Variable ?? place.File} cannot be used. {wrong.Message}", "Make one: openssl rand -hex 32");
        }
    }

    private static string ReadText(string path, string what, string remedy)
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
}
