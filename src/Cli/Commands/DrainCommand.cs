using System.CommandLine;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare drain</c>: has another server lead, so that the one that does can be upgraded.</summary>
internal static class DrainCommand
{
    public static Command Create(GlobalOptions global)
    {
        var server = new Argument<string?>("SERVER") { Description = "Address of the server that is to hand over. Default: whichever leads", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("drain", "Have the leading server hand over to another one at once, and stand by. Tasks run on") { server };
        ExampleHelp.Add(command, "fanfare drain", "fanfare drain http://a:7433");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var given = parsed.GetValue(server);
            var since = session.Host.Clock.GetTimestamp();
            DrainResponse answer;
            if (given is null)
            {
                answer = await session.Api.DrainAsync(forward: true, cancel);
            }
            else
            {
                using var api = new ApiClient(session.Address with { Urls = [ServerAddress.Parse(given, "SERVER")] }, session.Host.Clock);
                answer = await api.DrainAsync(forward: false, cancel);
            }
            if (session.Screen.Json) session.Screen.WriteJson(answer);
            else if (answer is { HandedOver: true, Leader: null }) session.Screen.Say($"{Words.Printable(answer.Server ?? "The server")} gave what it owned to the others in {session.Host.Clock.GetElapsedTime(since).TotalSeconds:0.0} s, and leaves it to them for 5 minutes: stop it now");
            else if (answer.HandedOver) session.Screen.Say($"{Words.Printable(answer.Server ?? "The server")} handed over to {Words.Printable(answer.Leader!)} in {session.Host.Clock.GetElapsedTime(since).TotalSeconds:0.0} s, and leaves the lead to others for 5 minutes: stop it now");
            else session.Screen.Say($"{Words.Printable(answer.Server ?? "The server")} does not lead{(answer.Leader is null ? "" : $", {Words.Printable(answer.Leader)} does")}: there is nothing to hand over");
            return ExitCode.Success;
        });
    }
}
