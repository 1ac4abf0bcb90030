using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare schedule</c>: what starts by itself.</summary>
internal static class ScheduleCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("schedule", "See what starts by itself, and pause it") { List(global), Show(global), Next(global), Pause(global), Resume(global), BackfillCommand.Rerun(global) };
        ExampleHelp.Add(command, "fanfare schedule list", "fanfare schedule next --count 10", "fanfare schedule pause report nightly --reason 'the source is down'");
        return command;
    }

    private static Command List(GlobalOptions global)
    {
        var flow = Arguments.OptionalFlow(global, "Only schedules of this flow");
        var limit = Arguments.Limit(100);
        var cursor = Arguments.Cursor();
        var command = new Command("list", "List the schedules, by flow and name") { flow, limit, cursor };
        ExampleHelp.Add(command, "fanfare schedule list", "fanfare schedule list report");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.ListSchedulesAsync(parsed.GetValue(flow), parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No schedules. A flow has them under 'schedules' (docs/schedules.md).");
            else
            {
                session.Screen.Table(["FLOW", "SCHEDULE", "WHEN", "NEXT", "LAST RUN", "ACTIVE", "WAITING", "SKIPPED"], page.Items.Select(s => new[]
                {
                    Screen.Escape(s.Flow), Screen.Escape(s.Schedule), Screen.Escape(When(s.Standing.Spec)),
                    s.Standing.Pause is not null ? "[yellow]paused[/]" : s.Due is { } due ? Words.Time(due, session.Host.Clock) : "never",
                    s.Standing.LastInterval is { } last ? Words.Time(last.End, session.Host.Clock) : "none", $"{s.Standing.ActiveCount}", $"{s.Standing.Waiting}", $"{s.Standing.Skipped}",
                }));
                if (page.Next is not null) session.Screen.Note($"There are more: --limit, or --cursor {page.Next}");
            }
            return ExitCode.Success;
        });
    }

    private static Command Show(GlobalOptions global)
    {
        var (flow, schedule) = (Arguments.Flow(global, "The flow"), Name());
        var command = new Command("show", "Show a schedule: when it is due, what runs and waits, who paused it") { flow, schedule };
        ExampleHelp.Add(command, "fanfare schedule show report nightly");
        return global.On(command, async (session, parsed, cancel) =>
        {
            Show(session, await session.Api.GetScheduleAsync(parsed.GetRequiredValue(flow), parsed.GetRequiredValue(schedule), cancel));
            return ExitCode.Success;
        });
    }

    private static Command Next(GlobalOptions global)
    {
        var flow = Arguments.OptionalFlow(global, "Only of this flow");
        var schedule = Name();
        schedule.Arity = ArgumentArity.ZeroOrOne;
        var count = new Option<int>("--count")
        {
            Description = "How many times to show, 1 to 1000",
            HelpName = "N",
            DefaultValueFactory = _ => 10,
            Validators = { result => Arguments.InRange(result, 1, 1000) },
        };
        var command = new Command("next", "Show what is due next: of all schedules, of a flow's, or of one") { flow, schedule, count };
        ExampleHelp.Add(command, "fanfare schedule next --count 10", "fanfare schedule next report nightly");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.GetUpcomingAsync(parsed.GetValue(flow), parsed.GetValue(schedule), parsed.GetValue(count), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("Nothing is due.");
            else
            {
                session.Screen.Table(["DUE", "FLOW", "SCHEDULE", "FROM", "TO"], page.Items.Select(t => new[]
                {
                    Words.Time(t.Due, session.Host.Clock), Screen.Escape(t.Flow), Screen.Escape(t.Schedule), Words.Time(t.Interval.Start, session.Host.Clock), Words.Time(t.Interval.End, session.Host.Clock),
                }));
            }
            return ExitCode.Success;
        });
    }

    private static Command Pause(GlobalOptions global)
    {
        var (flow, schedule) = (Arguments.Flow(global, "The flow"), Name());
        var reason = new Option<string?>("--reason") { Description = "Why; shown with the schedule", HelpName = "TEXT" };
        var command = new Command("pause", "Pause a schedule: it starts no run until it is resumed") { flow, schedule, reason };
        ExampleHelp.Add(command, "fanfare schedule pause report nightly --reason 'the source is down'");
        return global.On(command, (session, parsed, cancel) =>
            CommandAsync(session, parsed.GetRequiredValue(flow), parsed.GetRequiredValue(schedule), "pause", new ScheduleCommandRequest(parsed.GetValue(reason)), cancel));
    }

    private static Command Resume(GlobalOptions global)
    {
        var (flow, schedule) = (Arguments.Flow(global, "The flow"), Name());
        var command = new Command("resume", "Resume a schedule; times that passed while it was paused are left out") { flow, schedule };
        ExampleHelp.Add(command, "fanfare schedule resume report nightly");
        return global.On(command, (session, parsed, cancel) =>
            CommandAsync(session, parsed.GetRequiredValue(flow), parsed.GetRequiredValue(schedule), "resume", new ScheduleCommandRequest(), cancel));
    }

    private static async Task<int> CommandAsync(Session session, string flow, string schedule, string verb, ScheduleCommandRequest request, CancellationToken cancellationToken)
    {
        Show(session, await session.Api.CommandScheduleAsync(flow, schedule, verb, request, cancellationToken));
        return ExitCode.Success;
    }

    private static void Show(Session session, ScheduleView view)
    {
        var (screen, clock, standing) = (session.Screen, session.Host.Clock, view.Standing);
        if (screen.Json)
        {
            screen.WriteJson(view);
            return;
        }
        screen.SayMarkup($"[bold]{Screen.Escape(view.Flow)} {Screen.Escape(view.Schedule)}[/], {Screen.Escape(When(standing.Spec))}, of deployment {standing.Deployment}");
        if (standing.Pause is { } pause) screen.SayMarkup($"  [yellow]paused[/] by {Screen.Escape(pause.Actor)} at {Words.Time(pause.At, clock)}{(pause.Reason is null ? "" : $": {Screen.Escape(Words.Brief(pause.Reason, 300))}")}");
        else screen.Say(view.Due is { } due ? $"  next     {Words.Time(due, clock)}" : "  next     never");
        if (standing.LastInterval is { } last) screen.Say($"  last     {Words.Time(last.End, clock)}, run {standing.Last}");
        if (standing.LastEnd is { } end) screen.SayMarkup($"  ended    {Paint.Status(end)}");
        if (standing.ActiveCount > 0) screen.Say($"  active   {standing.ActiveCount}: {string.Join(' ', standing.Active)}{(standing.ActiveCount > standing.Active.Count ? " …" : "")}");
        if (standing.OldestWaiting is { } oldest) screen.Say($"  waiting  {standing.Waiting}, since {Words.Time(oldest, clock)}");
        screen.Say($"  started  {Words.Count((int)Math.Min(standing.Begun, int.MaxValue), "run")}; {standing.Skipped} left out");
    }

    private static string When(ScheduleSpec spec) => spec.Every is { } every ? $"every {Words.Exactly(every)}" : $"{spec.Cron} {spec.TimeZone}";

    public static Argument<string> Name() => new("SCHEDULE") { Description = "The schedule, by its name in the flow" };
}
