using System.CommandLine;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;

namespace Fanfare.Cli;

/// <summary>The options of every command, and the frame in which each runs: its session, and its failures in words.</summary>
internal sealed class GlobalOptions(CliHost host)
{
    private readonly Option<string?> _server = new("--server")
    {
        Description = $"Address of the server; several that stand by for each other with commas between. Default: $FANFARE_SERVER, else {ServerAddress.Default.ToString().TrimEnd('/')}",
        HelpName = "URL[,URL…]",
        Recursive = true,
    };

    private readonly Option<string?> _token = new("--token")
    {
        Description = "Access token of the server. Default: $FANFARE_TOKEN",
        HelpName = "TOKEN",
        Recursive = true,
    };

    private readonly Option<string?> _namespace = new("--namespace")
    {
        Description = "Namespace of flows and runs. Default: $FANFARE_NAMESPACE, else 'default'",
        HelpName = "NAME",
        Recursive = true,
    };

    private readonly Option<bool> _json = new("--json")
    {
        Description = "Write results as JSON to standard output, and everything else to standard error",
        Recursive = true,
    };

    public CliHost Host => host;

    public void AddTo(Command root)
    {
        root.Options.Add(_server);
        root.Options.Add(_token);
        root.Options.Add(_namespace);
        root.Options.Add(_json);
    }

    /// <summary>Makes <paramref name="body"/> the command's action.</summary>
    public Command On(Command command, Func<Session, ParseResult, CancellationToken, Task<int>> body)
    {
        command.SetAction(async (parsed, _) =>
        {
            var screen = new Screen(host, parsed.GetValue(_json));
            Session? session = null;
            try
            {
                session = new Session(host, Address(parsed), screen);
                return await body(session, parsed, host.Interrupts.Requested);
            }
            catch (ApiException e)
            {
                return Fail(screen, ErrorReport.Of(e.Problem, e.ExitCode), Complaints.Of(e.Problem, session?.Source));
            }
            catch (CommandException e)
            {
                return Fail(screen, new ErrorReport(e.Message, null, e.Remedy, null, [], e.Code), Complaints.Of(e.Message, e.Remedy));
            }
            catch (UnreachableException e)
            {
                var remedy = e.Foreign
                    ? "Check the address given with --server or FANFARE_SERVER."
                    : "Start one with: fanfare serve. For another address give --server URL or set FANFARE_SERVER.";
                return Fail(screen, new ErrorReport(e.Message, null, remedy, null, [], ExitCode.Unreachable), Complaints.Of(e.Message, remedy));
            }
            catch (OperationCanceledException) when (host.Interrupts.Requested.IsCancellationRequested)
            {
                return ExitCode.Cancelled;
            }
            finally
            {
                session?.Dispose();
            }
        });
        return command;
    }

    /// <summary>The servers that the options name, for completions too.</summary>
    public ServerAddress Address(ParseResult parsed)
    {
        var option = parsed.GetValue(_server);
        var variable = host.Variable("FANFARE_SERVER");
        var urls = !string.IsNullOrWhiteSpace(option) ? ServerAddress.ParseAll(option, "--server")
            : !string.IsNullOrWhiteSpace(variable) ? ServerAddress.ParseAll(variable, "FANFARE_SERVER")
            : null;
        var ns = parsed.GetValue(_namespace) ?? NonEmpty(host.Variable("FANFARE_NAMESPACE")) ?? "default";
        if (!Names.IsValid(ns)) throw new CommandException(ExitCode.Usage, $"'{ns}' is no namespace: {Names.Rule}.");
        return new ServerAddress(urls ?? [ServerAddress.Default], Token(parsed), ns, Actor(), urls is not null);
    }

    public string? Token(ParseResult parsed)
    {
        var token = NonEmpty(parsed.GetValue(_token)) ?? NonEmpty(host.Variable("FANFARE_TOKEN"));
        return token is null || token.All(c => c is > ' ' and <= '~')
            ? token
            : throw new CommandException(ExitCode.Usage, "The access token has characters that no token can have.", "A token is printable ASCII without spaces.");
    }

    private static int Fail(Screen screen, ErrorReport report, string words)
    {
        screen.Note(screen.Json ? ApiJson.Show(report) : words);
        return report.ExitCode;
    }

    // What the server takes as a name: printable ASCII, not too long.
    private string Actor()
    {
        var user = new string([.. (NonEmpty(host.Variable("USER")) ?? Environment.UserName).Where(c => c is > ' ' and <= '~').Take(128)]);
        return user.Length > 0 ? user : "anonymous";
    }

    private static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
