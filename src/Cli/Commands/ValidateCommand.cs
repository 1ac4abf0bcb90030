using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare validate</c>: all that is wrong with a flow's file, without a server.</summary>
internal static class ValidateCommand
{
    public static Command Create(GlobalOptions global)
    {
        var file = Arguments.FlowFile();
        var command = new Command("validate", "Check a flow's file and report every error at once, with its place and what to do. Needs no server") { file };
        ExampleHelp.Add(command, "fanfare validate flow.yaml", "fanfare validate flow.yaml --json");
        return global.On(command, (session, parsed, _) =>
        {
            var source = FlowFiles.Read(session, parsed.GetRequiredValue(file));
            var errors = (session.Host.CheckSpec ?? throw CliHost.Lacks("the spec reader"))(source.Text);
            var name = parsed.GetRequiredValue(file).ToString();
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(new ValidationReport(name, errors.Count == 0, errors));
            }
            else if (errors.Count == 0)
            {
                session.Screen.Say($"{name} is valid.");
            }
            else
            {
                foreach (var error in errors) session.Screen.Note(Complaints.Of(error, source));
                session.Screen.Note($"{name} has {Words.Count(errors.Count, "error")}.");
            }
            return Task.FromResult(errors.Count == 0 ? ExitCode.Success : ExitCode.Usage);
        });
    }
}
