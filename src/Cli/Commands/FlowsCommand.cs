using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare flows</c>: the flows of a server, or one of them.</summary>
internal static class FlowsCommand
{
    public static Command Create(GlobalOptions global)
    {
        var flow = Arguments.Flow(global, "Show this flow: its parameters and steps");
        flow.Arity = ArgumentArity.ZeroOrOne;
        var deployments = new Option<bool>("--deployments") { Description = "With FLOW: list its deployments, newest first" };
        var limit = Arguments.Limit(100);
        var cursor = Arguments.Cursor();
        var command = new Command("flows", "List the deployed flows, or show one") { flow, deployments, limit, cursor };
        ExampleHelp.Add(command, "fanfare flows", "fanfare flows report --deployments");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var name = parsed.GetValue(flow);
            if (name is not null && !parsed.GetValue(deployments))
            {
                Show(session, await session.Api.GetFlowAsync(name, cancel));
                return ExitCode.Success;
            }
            if (name is null && parsed.GetValue(deployments))
                throw new CommandException(ExitCode.Usage, "--deployments is of one flow.", "Name it: fanfare flows FLOW --deployments");
            var page = name is null
                ? await session.Api.ListFlowsAsync(parsed.GetValue(limit), parsed.GetValue(cursor), cancel)
                : await session.Api.ListDeploymentsAsync(name, parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            List(session, page);
            return ExitCode.Success;
        });
    }

    private static void List(Session session, ListResponse<FlowView> page)
    {
        if (session.Screen.Json)
        {
            session.Screen.WriteJson(page);
            return;
        }
        if (page.Items.Count == 0)
        {
            session.Screen.Say("No flows. Deploy one with: fanfare deploy FLOW.yaml");
            return;
        }
        session.Screen.Table(["FLOW", "DEPLOYMENT", "DEPLOYED", "BY", "DESCRIPTION"], page.Items.Select(f => new[]
        {
            Screen.Escape(f.Flow), $"{f.Deployment}", Words.Time(f.CreatedAt, session.Host.Clock), Screen.Escape(f.Actor), Screen.Escape(Words.Brief(f.Description ?? "", 60)),
        }));
        if (page.Next is not null) session.Screen.Note($"There are more: --limit, or --cursor {page.Next}");
    }

    private static void Show(Session session, FlowView flow)
    {
        var screen = session.Screen;
        if (screen.Json)
        {
            screen.WriteJson(flow);
            return;
        }
        screen.SayMarkup($"[bold]{Screen.Escape(flow.Flow)}[/], deployment {flow.Deployment} of {Words.Time(flow.CreatedAt, session.Host.Clock)} by {Screen.Escape(flow.Actor)}");
        if (flow.Description is not null) screen.Say($"  {Words.Brief(flow.Description, 500)}");
        screen.Say($"  steps  {string.Join(' ', flow.Steps)}");
        if (flow.Parameters.Count == 0) return;
        screen.Say("");
        screen.Table(["PARAMETER", "TYPE", "DEFAULT", "HELP"], flow.Parameters.Select(p => new[]
        {
            Screen.Escape(p.Name), Words.Of(p.Type), p.Default is null ? (p.Required ? "required" : "none") : Screen.Escape(Words.Brief(p.Default, 40)), Screen.Escape(Words.Brief(p.Help ?? "", 80)),
        }));
    }
}
