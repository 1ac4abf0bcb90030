using Fanfare.Notices;
using Fanfare.Specs;

namespace Fanfare.Cli.Hosting;

/// <summary>The file that says whom the server can tell what has happened, and the secrets that it names.</summary>
internal static class ReceiverFile
{
    private const string Option = "--receivers";

    /// <param name="option">The file; null for the environment's, and where that names none, for nobody.</param>
    /// <param name="address">Where people reach the server; null for no links.</param>
    /// <exception cref="CommandException">It cannot be read, is wrong, or a secret is not there.</exception>
    public static Notifier Given(CliHost host, string? option, Uri? address)
    {
        var given = string.IsNullOrWhiteSpace(option) ? host.Variable("FANFARE_RECEIVERS") : option;
        if (string.IsNullOrWhiteSpace(given)) return Notifier.None;
        var path = Path.GetFullPath(given, host.WorkingDirectory);
        var (specs, errors) = ReceiverFileReader.Read(OperatorFile.Text(path, Option, "Name a file that can be read."));
        OperatorFile.Refuse(errors, Option, given);
        return Of(host, specs, path, address);
    }

    /// <summary>As they are in the file, with their secrets.</summary>
    /// <exception cref="CommandException">A secret is not there, or not fit for what it is for.</exception>
    public static Notifier Of(CliHost host, IReadOnlyList<ReceiverSpec> specs, string path, Uri? address)
    {
        // A file of a secret is named from where the receivers' file is.
        var directory = Path.GetDirectoryName(path)!;
        try
        {
            return new Notifier(specs, (spec, place) => OperatorFile.Secret(host, place, directory, $"The secret of receiver '{spec.Name}'"), address, host.Clock);
        }
        catch (ReceiverException wrong)
        {
            throw new CommandException(ExitCode.Usage, wrong.Message, "Mend the receiver, or put the right value into the variable or file that its secret is in.");
        }
    }
}
