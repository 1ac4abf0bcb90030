using System.CommandLine;
using System.Net;
using Fanfare.Cli.Hosting;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare silo</c>: one of several servers that share the work.</summary>
internal static class SiloCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("silo", "Run one of several servers that share one database and all work: each runs some of the runs, and the others take over within seconds when it dies");
        var arguments = new ServeArguments(
            "Connection string of the PostgreSQL database that all silos share. Default: $FANFARE_DATABASE",
            "Where logs, artifacts and packages are: a directory that all silos reach, or s3://BUCKET/PREFIX in S3 or a compatible store ($FANFARE_S3_ENDPOINT). Default: $FANFARE_BLOBS");
        arguments.AddTo(command);
        var silo = new Option<string>("--silo") { Description = "IP address and port at which the other silos reach this one. What comes there is not authenticated: keep it in a network of their own", HelpName = "IP:PORT", DefaultValueFactory = _ => "127.0.0.1:11111" };
        var listen = new Option<string?>("--silo-listen") { Description = "IP address and port at which this silo listens, where that is not where the others reach it, as behind a port that is forwarded", HelpName = "IP:PORT" };
        var advertise = new Option<string?>("--advertise") { Description = "URL at which people and workers reach this server. Default: where it listens", HelpName = "URL" };
        var membership = new Option<string>("--membership")
        {
            Description = "Where the silos find each other: 'postgresql' (in the database), 'dynamodb:TABLE' (AWS's environment says where, or $FANFARE_DYNAMODB_ENDPOINT), or 'localhost:PORT' (the silo at this port, which comes first; for a try on one machine)",
            HelpName = "WHERE",
            DefaultValueFactory = _ => "postgresql",
        };
        foreach (var option in (Option[])[silo, listen, advertise, membership]) command.Options.Add(option);
        ExampleHelp.Add(command, "fanfare silo --database 'Host=db;Username=fanfare;Database=fanfare' --blobs s3://my-bucket/fanfare", "fanfare silo --port 7434 --silo 127.0.0.1:11112 --blobs /srv/fanfare/blobs --no-worker");
        return global.On(command, (session, parsed, cancel) =>
        {
            if (session.Host.HasSilo is false) throw new CommandException(ExitCode.Usage, "This program was built without Orleans, which silos need.", "Start it as './fanfare silo' where NuGet has the packages of Microsoft Orleans.");
            var options = arguments.Read(session, parsed, global.Token(parsed), ServeArguments.Url("--advertise", parsed.GetValue(advertise)));
            if (options.Database is null) throw new CommandException(ExitCode.Usage, "No database is named.", "Give --database 'Host=…;Username=…;Database=…', or set FANFARE_DATABASE. A server alone, with its journal in a file, is 'fanfare serve'.");
            if (options.Blobs is null) throw new CommandException(ExitCode.Usage, "It is not said where logs and artifacts are.", "Give --blobs, or set FANFARE_BLOBS: a directory that all silos reach, or s3://BUCKET/PREFIX.");
            return ServeCommand.ServeAsync(session, options with
            {
                Silo = new SiloPlace(EndPoint("--silo", parsed.GetRequiredValue(silo)), parsed.GetValue(listen) is { } given ? EndPoint("--silo-listen", given) : null, MembershipPlace.Parse(parsed.GetRequiredValue(membership), session.Host.Variable)),
            }, cancel);
        });
    }

    private static IPEndPoint EndPoint(string option, string given) => IPEndPoint.TryParse(given, out var endpoint) && endpoint.Port > 0 && (option != "--silo" || (!endpoint.Address.Equals(IPAddress.Any) && !endpoint.Address.Equals(IPAddress.IPv6Any)))
        ? endpoint
        : throw new CommandException(ExitCode.Usage, $"{option} '{given}' is not an address with a port.", "Write the IP address of this machine that the others know it by, as in 10.0.0.5:11111.");
}
