using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace Fanfare.Cli.Commands;

/// <summary>All commands.</summary>
internal static class CommandTree
{
    public static RootCommand Create(GlobalOptions global)
    {
        var root = new RootCommand("Fanfare runs workflows whose steps are commands, and loses nothing when a process dies.");
        global.AddTo(root);
        Command[] commands =
        [
            RunCommand.Create(global), ValidateCommand.Create(global), DeployCommand.Create(global), TriggerCommand.Create(global),
            RunsCommand.Create(global), ShowCommand.Create(global), LogsCommand.Create(global), ExplainCommand.Create(global),
            .. RunVerbCommands.Create(global), TaskCommand.Create(global), FlowsCommand.Create(global), FlowCommand.Create(global), ScheduleCommand.Create(global), BackfillCommand.Create(global), EventCommand.Create(global), NoticeCommand.Create(global), ReceiverCommand.Create(global), PoolCommand.Create(global), WorkersCommand.Create(global),
            QueuesCommand.Create(global), ServeCommand.Create(global), SiloCommand.Create(global), ClusterCommand.Create(global), DrainCommand.Create(global), LogLevelCommand.Create(global), DatabaseCommand.Create(global), ArchiveCommand.Create(global), WorkerCommand.Create(global), VersionCommand.Create(global),
            CompletionCommand.Create(global),
        ];
        foreach (var command in commands) root.Subcommands.Add(command);
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExampleHelp((HelpAction)help.Action!);
        return root;
    }

    /// <summary><c>fanfare task kill</c>: the command as it is typed.</summary>
    public static string PathOf(CommandResult command)
    {
        var names = new List<string>();
        for (SymbolResult? at = command; at is not null; at = at.Parent)
            if (at is CommandResult result) names.Insert(0, result.Command is RootCommand ? "fanfare" : result.Command.Name);
        return string.Join(' ', names);
    }
}
