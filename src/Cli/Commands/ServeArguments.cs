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
        foreach (var option in (Option[])[_data, _port, _bind, _noWorker, _leaseTerm, _database, _blobs, _webhooks]) command.Options.Add(option);
        _retention.AddTo(command);
        _log.AddTo(command);
    }

    /// <param name="token">The access token.</param>
    /// <exception cref="CommandException">They do not go together.</exception>
    public LocalServerOptions Read(Session session, ParseResult parsed, string? token)
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
            Webhooks = WebhookFile.Given(session.Host, parsed.GetValue(_webhooks)),
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
