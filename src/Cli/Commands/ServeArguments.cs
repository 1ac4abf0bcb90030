using System.CommandLine;
using System.Net;
using Fanfare.Cli.Hosting;

namespace Fanfare.Cli.Commands;

/// <summary>What every server is told: where it listens, what it keeps where, and how long.</summary>
internal sealed class ServeArguments
{
    private const int TokenChars = 16;

    private readonly Option<string?> _data = new("--data") { Description = "Data directory: journal, logs, artifacts. Default: $XDG_DATA_HOME/fanfare, else ~/.local/share/fanfare", HelpName = "DIR" };
    private readonly Option<int> _port = new("--port") { Description = "Port; 0 for any free one", HelpName = "N", DefaultValueFactory = _ => 7433, Validators = { r => Arguments.InRange(r, 0, 65535) } };
    private readonly Option<string> _bind = new("--host") { Description = "Address to listen at. Anything but this machine's own needs --token", HelpName = "ADDRESS", DefaultValueFactory = _ => "127.0.0.1" };
    private readonly Option<bool> _noWorker = new("--no-worker") { Description = "Run no tasks in this process; workers are started with 'fanfare worker'" };
    private readonly Option<int> _leaseTerm = new("--lease-term")
    {
        Description = "Seconds that a lease lasts without renewal: how long the server may be away before running tasks are run again, and how long a task of a silent worker waits",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 300,
        Validators = { r => Arguments.InRange(r, 10, 86_400) },
    };

    private readonly Option<string?> _webhooks = new("--webhooks") { Description = "File of the webhooks that the server takes as events. Default: $FANFARE_WEBHOOKS", HelpName = "FILE" };

    private readonly Option<string?> _receivers = new("--receivers") { Description = "File of the receivers that flows can notify. Default: $FANFARE_RECEIVERS", HelpName = "FILE" };
    private readonly Option<string?> _cluster = new("--cluster") { Description = "Name of the cluster, which machines of its pools carry in EC2: no two servers or clusters that use one account may have the same. Needed for pools of EC2. Default: $FANFARE_CLUSTER", HelpName = "NAME" };
    private readonly Option<string?> _publicUrl = PublicUrl();
    private readonly Option<string?> _database, _blobs;
    private readonly RetentionArguments _retention = new();
    private readonly LogArguments _log = new();

    public ServeArguments(string database, string blobs)
    {
        _database = DatabaseCommand.Connection(database);
        _blobs = new Option<string?>("--blobs") { Description = blobs, HelpName = "DIR|URL" };
    }

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_data, _port, _bind, _noWorker, _leaseTerm, _database, _blobs, _webhooks, _receivers, _cluster, _publicUrl]) command.Options.Add(option);
        _retention.AddTo(command);
        _log.AddTo(command);
    }

    /// <summary>Where people reach the server, for links in what they are sent.</summary>
    public static Option<string?> PublicUrl() => new("--public-url") { Description = "URL at which people reach the server; notifications link to it. Default: $FANFARE_PUBLIC_URL, else --advertise, else they have no links", HelpName = "URL" };

    /// <summary>The address that <see cref="PublicUrl"/> or the environment names; null for none.</summary>
    public static Uri? PublicUrlOf(CliHost host, string? given) =>
        !string.IsNullOrWhiteSpace(given) ? Url("--public-url", given) : host.Variable("FANFARE_PUBLIC_URL") is { } variable && !string.IsNullOrWhiteSpace(variable) ? Url("FANFARE_PUBLIC_URL", variable) : null;

    /// <param name="token">The access token.</param>
    /// <param name="advertise">Where others reach the server; null where that is not said.</param>
    /// <exception cref="CommandException">They do not go together.</exception>
    public LocalServerOptions Read(Session session, ParseResult parsed, string? token, Uri? advertise)
    {
        var host = parsed.GetRequiredValue(_bind);
        Guard(host, token);
        var retained = _retention.Read(session.Host, parsed);
        var (format, levels) = _log.Read(session.Host, parsed);
        return new LocalServerOptions(DataDirectory.Resolve(session.Host, parsed.GetValue(_data)), host, parsed.GetValue(_port), token, !parsed.GetValue(_noWorker), session.Screen.Note)
        {
            LeaseTerm = TimeSpan.FromSeconds(parsed.GetValue(_leaseTerm)),
            Database = DatabaseCommand.Given(session.Host, parsed.GetValue(_database)),
            Blobs = BlobPlace.Given(session.Host, parsed.GetValue(_blobs)),
            Retention = retained,
            Advertise = advertise,
            Webhooks = WebhookFile.Given(session.Host, parsed.GetValue(_webhooks)),
            Notifier = ReceiverFile.Given(session.Host, parsed.GetValue(_receivers), PublicUrlOf(session.Host, parsed.GetValue(_publicUrl)) ?? advertise),
            Cluster = ClusterOf(parsed.GetValue(_cluster) ?? session.Host.Variable("FANFARE_CLUSTER")),
            LogForm = format,
            LogLevels = levels,
        };
    }

    public static Uri? Url(string option, string? given)
    {
        if (given is null) return null;
        return Uri.TryCreate(given, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new CommandException(ExitCode.Usage, $"{option} '{given}' is no URL.", "Write it as http://HOST:PORT.");
    }

    private static string? ClusterOf(string? given) => string.IsNullOrWhiteSpace(given) ? null
        : Names.IsValid(given) ? given
        : throw new CommandException(ExitCode.Usage, $"--cluster '{given}' is no name of a cluster.", $"A name is {Names.Rule}.");

    private static void Guard(string host, string? token)
    {
        var loopback = host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
        if (!loopback && token is null)
            throw new CommandException(
                ExitCode.Usage, $"--host {host} lets other machines in, and no access token is set.",
                "Set FANFARE_TOKEN (or --token) to a secret that clients and workers give too, or listen at 127.0.0.1.");
        if (token is not null && token.Length < TokenChars)
            throw new CommandException(ExitCode.Usage, $"The access token is shorter than {TokenChars} characters.", "Make a longer one: openssl rand -hex 24");
    }
}
