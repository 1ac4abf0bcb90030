using Fanfare.Contracts.Http;
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
        var (specs, errors) = WebhookFileReader.Read(OperatorFile.Text(path, "--webhooks", "Name a file that can be read."));
        OperatorFile.Refuse(errors, "--webhooks", given);
        // A file of a secret is named from where the webhooks' file is.
        return [.. specs.Select(spec => new Webhook(spec, [.. spec.Secrets.Select(place => Secret(host, spec, place, Path.GetDirectoryName(path)!))]))];
    }

    private static ReadOnlyMemory<byte> Secret(CliHost host, WebhookSpec spec, SecretPlace place, string directory)
    {
        var what = $"The secret of webhook '{spec.Name}'";
        try
        {
            return StandardWebhooks.SecretOf(OperatorFile.Secret(host, place, directory, what));
        }
        catch (FormatException wrong)
        {
            throw new CommandException(ExitCode.Usage, $"{what} in {place.Variable ?? place.File} cannot be used. {wrong.Message}", "Make one: openssl rand -hex 32");
        }
    }
}
