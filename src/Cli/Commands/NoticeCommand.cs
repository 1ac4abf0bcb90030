using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare notice</c>: who was told of what, and what did not arrive.</summary>
internal static class NoticeCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("notice", "See who was told of what, and what did not arrive")
        {
            List(global), Show(global), Settle(global, "redrive", "Tell receivers once more that could not be told"), Settle(global, "dismiss", "Dismiss that receivers could not be told"),
        };
        ExampleHelp.Add(command, "fanfare notice list", "fanfare notice list --dead", "fanfare notice redrive --receiver oncall");
        return command;
    }

    private static Command List(GlobalOptions global)
    {
        var flow = Arguments.OptionalFlow(global, "Only of this flow");
        var dead = new Option<bool>("--dead") { Description = "Only what some receiver could not be told" };
        var limit = Arguments.Limit(50);
        var cursor = Arguments.Cursor();
        var command = new Command("list", "List notices, newest first") { flow, dead, limit, cursor };
        ExampleHelp.Add(command, "fanfare notice list", "fanfare notice list report --dead");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var isDead = parsed.GetValue(dead);
            var page = await session.Api.ListNoticesAsync(parsed.GetValue(flow), isDead, parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say(isDead ? "Everybody was told, or is being told." : "No notices. A flow says under 'notify' who is told of what (docs/notifications.md).");
            else
            {
                session.Screen.Table(["NOTICE", "FLOW", "WHAT", "ABOUT", "AT", "RECEIVERS"], page.Items.Select(n => new[]
                {
                    n.Notice, Screen.Escape(n.Flow), Words.Of(n.Kind), Screen.Escape(About(n)), Words.Time(n.At, session.Host.Clock), string.Join(", ", n.Deliveries.Select(Brief)),
                }));
                if (page.Next is not null) session.Screen.Note($"There are more: --limit, or --cursor {page.Next}");
            }
            return ExitCode.Success;
        });
    }

    private static Command Show(GlobalOptions global)
    {
        var id = new Argument<string>("NOTICE") { Description = "The notice's id" };
        var command = new Command("show", "Show a notice, and how it stands with each receiver") { id };
        ExampleHelp.Add(command, "fanfare notice show 8z6w0v1ks5d2m9q4");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var view = await session.Api.GetNoticeAsync(parsed.GetRequiredValue(id), cancel);
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(view);
                return ExitCode.Success;
            }
            session.Screen.SayMarkup($"[bold]{Screen.Escape(view.Flow)}[/] {Words.Of(view.Kind)}: {Screen.Escape(About(view))}, at {Words.Time(view.At, session.Host.Clock)}");
            session.Screen.Say($"  {Words.Brief(view.Payload.GetRawText(), 2000)}");
            foreach (var delivery in view.Deliveries) session.Screen.SayMarkup($"  {Whole(delivery, session.Host.Clock)}");
            return ExitCode.Success;
        });
    }

    private static Command Settle(GlobalOptions global, string verb, string summary)
    {
        var flow = new Option<string?>("--flow") { Description = "Only of this flow", HelpName = "FLOW" };
        var receiver = new Option<string?>("--receiver") { Description = "Only this receiver", HelpName = "NAME" };
        var id = new Option<string?>("--notice") { Description = "Only of this notice", HelpName = "NOTICE" };
        var all = new Option<bool>("--all") { Description = "All that there are" };
        var command = new Command(verb, $"{summary}: of the newest 1,000 notices that are meant") { flow, receiver, id, all };
        ExampleHelp.Add(command, $"fanfare notice {verb} --receiver oncall", $"fanfare notice {verb} --all");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var request = new NoticesRequest(parsed.GetValue(id), parsed.GetValue(flow), parsed.GetValue(receiver));
            if (request is { Notice: null, Flow: null, Receiver: null } && !parsed.GetValue(all)) throw new CommandException(ExitCode.Usage, "Which of them is not said.", "Give --flow, --receiver, --notice, or --all.");
            var done = await session.Api.SettleNoticesAsync(verb, request, cancel);
            if (session.Screen.Json) session.Screen.WriteJson(done);
            else
            {
                session.Screen.Say(verb == "dismiss" ? $"Dismissed {done.Deliveries}." : $"{Words.Count(done.Deliveries, "receiver")} to be told again.");
                if (done.More) session.Screen.Note("There are more: repeat the command.");
            }
            return ExitCode.Success;
        });
    }

    private static string About(NoticeView notice) => notice.Run is { } run ? $"run {run}" : $"schedule {notice.Schedule}";

    private static string Brief(NoticeDelivery delivery) => delivery.State switch
    {
        NoticeState.Told => Screen.Escape(delivery.Receiver),
        NoticeState.Dead => $"[red]{Screen.Escape(delivery.Receiver)} (not told)[/]",
        NoticeState.Pending => $"[yellow]{Screen.Escape(delivery.Receiver)} (pending)[/]",
        _ => $"{Screen.Escape(delivery.Receiver)} (dismissed)",
    };

    private static string Whole(NoticeDelivery delivery, TimeProvider clock)
    {
        var why = delivery.Reason is { } reason ? $": {Screen.Escape(Words.Printable(Words.Brief(reason, 500)))}" : "";
        return $"{Brief(delivery)}{(delivery.At is { } at ? $", {(delivery.State == NoticeState.Told ? "told" : "tried last")} at {Words.Time(at, clock)}" : "")}{(delivery.Tries > 1 ? $", {delivery.Tries} tries" : "")}"
            + $"{(delivery is { State: NoticeState.Pending, Due: { } due } ? $", next at {Words.Time(due, clock)}" : "")}{why}";
    }
}
