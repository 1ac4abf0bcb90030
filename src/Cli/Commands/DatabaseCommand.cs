using System.CommandLine;
using Fanfare.Cli.Output;
using Fanfare.Storage;
using Fanfare.Storage.Postgres;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare db</c>: the schema of a PostgreSQL database. Servers bring it up to date by themselves; this is for those who would rather do it
/// before, or let only one user do it.</summary>
internal static class DatabaseCommand
{
    public static Command Create(GlobalOptions global)
    {
        Command[] commands =
        [
            Make(global, "status", "Show which schema version the database has, and which this release knows", "fanfare db status", StatusAsync),
            Make(global, "migrate", "Bring the schema to this release's version; does nothing when it is there", "fanfare db migrate --database 'Host=db;Username=owner;Database=fanfare'", MigrateAsync),
        ];
        var command = new Command("db", "Look at the schema of the PostgreSQL database, or bring it up to date");
        foreach (var each in commands) command.Subcommands.Add(each);
        ExampleHelp.Add(command, "fanfare db status");
        return command;
    }

    public static Option<string?> Connection(string description) => new("--database") { Description = description, HelpName = "CONNECTION" };

    /// <summary>What was given, else the environment's; null for neither.</summary>
    public static string? Given(CliHost host, string? option) =>
        !string.IsNullOrWhiteSpace(option) ? option : host.Variable("FANFARE_DATABASE") is { } variable && !string.IsNullOrWhiteSpace(variable) ? variable : null;

    private static Command Make(GlobalOptions global, string name, string description, string example, Func<Session, string, CancellationToken, Task<int>> run)
    {
        var database = Connection("Connection string of the database. Default: $FANFARE_DATABASE");
        var command = new Command(name, description) { database };
        ExampleHelp.Add(command, example);
        return global.On(command, async (session, parsed, cancel) =>
        {
            var connection = Given(session.Host, parsed.GetValue(database))
                ?? throw new CommandException(ExitCode.Usage, "No database is named.", "Give --database 'Host=…;Username=…;Database=…', or set FANFARE_DATABASE.");
            try
            {
                return await run(session, connection, cancel);
            }
            catch (Exception e) when (e is StoreUnavailableException or JournalFormatException)
            {
                throw new CommandException(ExitCode.Usage, e.Message);
            }
        });
    }

    private static async Task<int> StatusAsync(Session session, string connection, CancellationToken cancel)
    {
        var found = await PostgresDatabase.StatusAsync(connection, cancel);
        if (session.Screen.Json)
        {
            session.Screen.WriteJsonLine(new DatabaseReport(found.Place, found.Found, found.Known));
            return ExitCode.Success;
        }
        session.Screen.WriteLine($"{Words.Printable(found.Place)}: schema version {found.Found}; this release knows {found.Known}");
        session.Screen.WriteLine(
            found.Found == found.Known ? "  up to date"
            : found.Found > found.Known ? "  made by a newer release, which has to be used"
            : "  'fanfare db migrate', or the next start of a server, brings it up to date");
        return ExitCode.Success;
    }

    private static async Task<int> MigrateAsync(Session session, string connection, CancellationToken cancel)
    {
        var before = await PostgresDatabase.MigrateAsync(connection, cancel);
        if (session.Screen.Json) session.Screen.WriteJsonLine(new DatabaseReport(before.Place, before.Known, before.Known));
        else if (before.Found == before.Known) session.Screen.WriteLine($"{Words.Printable(before.Place)}: schema version {before.Known}, up to date already");
        else session.Screen.WriteLine($"{Words.Printable(before.Place)}: schema version {before.Known}, was {before.Found}");
        return ExitCode.Success;
    }
}
