using System.CommandLine;
using System.Net;
using Fanfare.Cli.Hosting;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare serve</c>: a server that stays.</summary>
internal static class ServeCommand
{
    private const int TokenChars = 16;

    public static Command Create(GlobalOptions global)
    {
        var data = new Option<string?>("--data") { Description = "Data directory: journal, logs, artifacts. Default: $XDG_DATA_HOME/fanfare, else ~/.local/share/fanfare", HelpName = "DIR" };
        var port = new Option<int>("--port") { Description = "Port; 0 for any free one", HelpName = "N", DefaultValueFactory = _ => 7433, Validators = { r => Arguments.InRange(r, 0, 65535) } };
        var bind = new Option<string>("--host") { Description = "Address to listen at. Anything but this machine's own needs --token", HelpName = "ADDRESS", DefaultValueFactory = _ => "127.0.0.1" };
        var noWorker = new Option<bool>("--no-worker") { Description = "Run no tasks in this process; workers are started with 'fanfare worker'" };
        var leaseTerm = new Option<int>("--lease-term")
        {
            Description = "Seconds that a lease lasts without renewal: how long the server may be away before running tasks are run again, and how long a task of a silent worker waits",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => 300,
            Validators = { r => Arguments.InRange(r, 10, 86_400) },
        };
        var database = DatabaseCommand.Connection("Connection string of a PostgreSQL database for the journal. Servers that share one stand by for each other; give them the same --blobs. Default: $FANFARE_DATABASE, else a file in the data directory");
        var blobs = new Option<string?>("--blobs") { Description = "Where logs, artifacts and packages are: a directory, or s3://BUCKET/PREFIX in S3 or a compatible store ($FANFARE_S3_ENDPOINT). Servers that share a database share it too. Default: $FANFARE_BLOBS, else blobs in the data directory", HelpName = "DIR|URL" };
        var advertise = new Option<string?>("--advertise") { Description = "With --database: URL at which the other servers reach this one. Default: where it listens", HelpName = "URL" };
        var command = new Command("serve", "Run a server until it is stopped; it adopts the unfinished runs of its data directory") { data, port, bind, noWorker, leaseTerm, database, blobs, advertise };
        var retention = new RetentionArguments();
        retention.AddTo(command);
        ExampleHelp.Add(command, "fanfare serve", "fanfare serve --retain 30d", "fanfare serve --data /var/lib/fanfare --port 8080", "FANFARE_TOKEN=… fanfare serve --host 0.0.0.0 --no-worker",
            "FANFARE_DATABASE='Host=db;Username=fanfare;Database=fanfare' fanfare serve --blobs s3://my-bucket/fanfare");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var host = parsed.GetRequiredValue(bind);
            var token = global.Token(parsed);
            Guard(host, token);
            var retained = retention.Read(session.Host, parsed);
            var directory = DataDirectory.Resolve(session.Host, parsed.GetValue(data));
            var hosting = session.Host.LocalServer ?? throw CliHost.Lacks("a server");
            var options = new LocalServerOptions(directory, host, parsed.GetValue(port), token, !parsed.GetValue(noWorker), session.Screen.Note)
            {
                LeaseTerm = TimeSpan.FromSeconds(parsed.GetValue(leaseTerm)),
                Database = DatabaseCommand.Given(session.Host, parsed.GetValue(database)),
                Blobs = BlobPlace.Given(session.Host, parsed.GetValue(blobs)),
                Advertise = Advertised(parsed.GetValue(advertise)),
                Retention = retained,
            };
            try
            {
                await using var server = await hosting.StartAsync(options, cancel);
                await ServeAsync(session, server, options, cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // Told to stop before it was up: that is a stop like any other.
            }
            return ExitCode.Success;
        });
    }

    private static async Task ServeAsync(Session session, IRunningServer server, LocalServerOptions options, CancellationToken cancel)
    {
        var directory = options.DataDirectory;
        DataDirectory.WriteAddress(directory, server.BaseUrl);
        try
        {
            Announce(session, server.BaseUrl, directory, options.Blobs);
            await server.Completion.WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            session.Screen.Note("Stopping. What is unfinished goes on at the next start.");
        }
        finally
        {
            DataDirectory.ClearAddress(directory, server.BaseUrl);
        }
    }

    private static void Announce(Session session, Uri url, string directory, BlobPlace? blobs)
    {
        if (session.Screen.Json)
        {
            session.Screen.WriteJsonLine(new ServingReport(url, directory, blobs?.ToString(), Environment.ProcessId));
            return;
        }
        session.Screen.WriteLine($"Fanfare {ProductVersion.Text} serves {url.ToString().TrimEnd('/')}");
        session.Screen.WriteLine($"  data in {Words.Printable(directory)}{(blobs is null ? "" : $", blobs in {Words.Printable(blobs.ToString())}")}; Ctrl-C stops it");
    }

    private static Uri? Advertised(string? given)
    {
        if (given is null) return null;
        return Uri.TryCreate(given, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new CommandException(ExitCode.Usage, $"--advertise '{given}' is no URL.", "Write it as http://HOST:PORT.");
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
