using System.CommandLine;
using Fanfare.Cli.Hosting;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare serve</c>: a server that stays.</summary>
internal static class ServeCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("serve", "Run a server until it is stopped; it adopts the unfinished runs of its data directory");
        var arguments = new ServeArguments(
            "Connection string of a PostgreSQL database for the journal. Servers that share one stand by for each other; give them the same --blobs. Default: $FANFARE_DATABASE, else a file in the data directory",
            "Where logs, artifacts and packages are: a directory, or s3://BUCKET/PREFIX in S3 or a compatible store ($FANFARE_S3_ENDPOINT). Servers that share a database share it too. Default: $FANFARE_BLOBS, else blobs in the data directory");
        arguments.AddTo(command);
        var advertise = new Option<string?>("--advertise") { Description = "With --database: URL at which the other servers reach this one. Default: where it listens", HelpName = "URL" };
        command.Options.Add(advertise);
        ExampleHelp.Add(command, "fanfare serve", "fanfare serve --retain 30d", "fanfare serve --data /var/lib/fanfare --port 8080", "FANFARE_TOKEN=… fanfare serve --host 0.0.0.0 --no-worker",
            "FANFARE_DATABASE='Host=db;Username=fanfare;Database=fanfare' fanfare serve --blobs s3://my-bucket/fanfare");
        return global.On(command, (session, parsed, cancel) =>
            ServeAsync(session, arguments.Read(session, parsed, global.Token(parsed), ServeArguments.Url("--advertise", parsed.GetValue(advertise))), cancel));
    }

    /// <summary>Hosts a server until it is told to stop, or has to.</summary>
    public static async Task<int> ServeAsync(Session session, LocalServerOptions options, CancellationToken cancel)
    {
        var hosting = session.Host.LocalServer ?? throw CliHost.Lacks("a server");
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
}
