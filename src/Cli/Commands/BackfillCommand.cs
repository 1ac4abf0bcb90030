using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare backfill</c>: data intervals of a schedule that are made up for, or run again.</summary>
internal static class BackfillCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("backfill", "Make up for a schedule's past, or run it again")
        {
            Start(global), List(global), Show(global), Verb(global, "pause", "Pause a backfill: nothing more of it begins until it is resumed", mayReason: true),
            Verb(global, "resume", "Resume a backfill", mayReason: false), Verb(global, "cancel", "Cancel a backfill for good: nothing more of it begins", mayReason: true),
        };
        ExampleHelp.Add(command, "fanfare backfill start report nightly --from 2026-01-01 --parallel 4", "fanfare backfill list", "fanfare backfill show b1m8es8mch2jtew4rhgw");
        return command;
    }

    /// <summary><c>fanfare schedule rerun</c>: a backfill of one interval.</summary>
    public static Command Rerun(GlobalOptions global)
    {
        var (flow, schedule) = (Arguments.Flow(global, "The flow"), ScheduleCommand.Name());
        var time = new Argument<string>("TIME") { Description = "The time it was due: the end of the interval, as 2026-11-27T02:30 in the schedule's time zone, or with an offset" };
        var (priority, key) = (Priority("Priority of the run, -100 to 100. Default: the schedule's own"), Key());
        var command = new Command("rerun", "Run one data interval of a schedule again") { flow, schedule, time, priority, key };
        ExampleHelp.Add(command, "fanfare schedule rerun report nightly 2026-11-27T02:30");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var request = new RerunRequest(parsed.GetRequiredValue(time), parsed.GetValue(priority), parsed.GetValue(key));
            Show(session, await session.Api.RerunAsync(parsed.GetRequiredValue(flow), parsed.GetRequiredValue(schedule), request, cancel));
            return ExitCode.Success;
        });
    }

    private static Command Start(GlobalOptions global)
    {
        var (flow, schedule) = (Arguments.Flow(global, "The flow"), ScheduleCommand.Name());
        var from = new Option<string>("--from") { Description = "Of the data intervals those that begin at this time or later, as 2026-01-01 or 2026-01-01T02:30 in the schedule's time zone, or with an offset", HelpName = "TIME", Required = true };
        var to = new Option<string?>("--to") { Description = "And end at this time or before it. Default: now", HelpName = "TIME" };
        var newest = new Option<bool>("--newest-first") { Description = "Begin with the newest; else the oldest is the first" };
        var parallel = new Option<int>("--parallel") { Description = "Runs that may go on at a time, 1 to 1000", HelpName = "N", DefaultValueFactory = _ => 1, Validators = { result => Arguments.InRange(result, 1, Limits.BackfillParallel) } };
        var priority = Priority("Priority of its runs, -100 to 100. Default: 10 below the schedule's own");
        var rerun = new Option<string>("--rerun") { Description = "Which intervals get a run although they have had one", HelpName = "none|failed|all", DefaultValueFactory = _ => "none" };
        rerun.AcceptOnlyFromAmong([.. Enum.GetNames<BackfillRerun>().Select(name => name.ToLowerInvariant())]);
        var key = Key();
        var command = new Command("start", "Start a backfill of a schedule's data intervals") { flow, schedule, from, to, newest, parallel, priority, rerun, key };
        ExampleHelp.Add(command, "fanfare backfill start report nightly --from 2026-01-01", "fanfare backfill start report nightly --from 2026-01-01 --to 2026-02-01 --rerun failed --parallel 4");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var request = new BackfillRequest(
                parsed.GetRequiredValue(from), parsed.GetValue(to), parsed.GetValue(newest), parsed.GetValue(parallel), parsed.GetValue(priority), Enum.Parse<BackfillRerun>(parsed.GetValue(rerun)!, ignoreCase: true), parsed.GetValue(key));
            Show(session, await session.Api.StartBackfillAsync(parsed.GetRequiredValue(flow), parsed.GetRequiredValue(schedule), request, cancel));
            return ExitCode.Success;
        });
    }

    private static Command List(GlobalOptions global)
    {
        var flow = Arguments.OptionalFlow(global, "Only backfills of this flow's schedules");
        var (limit, cursor) = (Arguments.Limit(50), Arguments.Cursor());
        var command = new Command("list", "List backfills, newest first") { flow, limit, cursor };
        ExampleHelp.Add(command, "fanfare backfill list", "fanfare backfill list report");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.ListBackfillsAsync(parsed.GetValue(flow), parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No backfills. Start one with: fanfare backfill start FLOW SCHEDULE --from TIME");
            else
            {
                session.Screen.Table(["BACKFILL", "FLOW", "SCHEDULE", "STATE", "TAKEN UP", "SUCCEEDED", "FAILED", "ACTIVE", "STARTED"], page.Items.Select(b => new[]
                {
                    b.Backfill, Screen.Escape(b.Flow), Screen.Escape(b.Schedule), State(b.Standing.State), $"{b.Standing.Taken} of {b.Standing.Plan.Total}", $"{b.Standing.Succeeded}", $"{b.Standing.Failed}",
                    $"{b.Standing.ActiveCount}", Words.Time(b.CreatedAt, session.Host.Clock),
                }));
                if (page.Next is not null) session.Screen.Note($"There are more: --limit, or --cursor {page.Next}");
            }
            return ExitCode.Success;
        });
    }

    private static Command Show(GlobalOptions global)
    {
        var id = Id();
        var command = new Command("show", "Show a backfill: how far it is, and what came of it") { id };
        ExampleHelp.Add(command, "fanfare backfill show b1m8es8mch2jtew4rhgw");
        return global.On(command, async (session, parsed, cancel) =>
        {
            Show(session, await session.Api.GetBackfillAsync(parsed.GetRequiredValue(id), cancel));
            return ExitCode.Success;
        });
    }

    private static Command Verb(GlobalOptions global, string verb, string description, bool mayReason)
    {
        var id = Id();
        var command = new Command(verb, description) { id };
        var reason = new Option<string?>("--reason") { Description = "Why; shown with the backfill", HelpName = "TEXT" };
        var runs = new Option<bool>("--runs") { Description = "Cancel its runs that go on, too" };
        if (mayReason) command.Add(reason);
        if (verb == "cancel") command.Add(runs);
        ExampleHelp.Add(command, $"fanfare backfill {verb} b1m8es8mch2jtew4rhgw{(mayReason ? " --reason 'the source is down'" : "")}");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var request = new BackfillCommandRequest(mayReason ? parsed.GetValue(reason) : null, verb == "cancel" && parsed.GetValue(runs));
            Show(session, await session.Api.CommandBackfillAsync(parsed.GetRequiredValue(id), verb, request, cancel));
            return ExitCode.Success;
        });
    }

    private static void Show(Session session, BackfillView view)
    {
        var (screen, clock, standing) = (session.Screen, session.Host.Clock, view.Standing);
        if (screen.Json)
        {
            screen.WriteJson(view);
            return;
        }
        var plan = standing.Plan;
        screen.SayMarkup($"[bold]{view.Backfill}[/], of {Screen.Escape(view.Flow)} {Screen.Escape(view.Schedule)}: {State(standing.State)}, by {Screen.Escape(view.Actor)} at {Words.Time(view.CreatedAt, clock)}");
        screen.Say($"  range    {Words.Time(plan.From, clock)} to {Words.Time(plan.To, clock)}, {(plan.NewestFirst ? "newest" : "oldest")} first, {plan.Parallel} at a time, priority {plan.Priority}, run again: {plan.Rerun.ToString().ToLowerInvariant()}");
        screen.Say($"  taken up {standing.Taken} of {Words.Count(plan.Total, "interval")}{(standing.Reached is { } reached ? $", up to that of {Words.Time(reached.End, clock)}" : "")}{(standing.Present > 0 ? $"; {standing.Present} had a run" : "")}");
        screen.Say($"  ended    {standing.Succeeded} succeeded, {standing.Failed} failed, {standing.Cancelled} cancelled");
        if (standing.ActiveCount > 0) screen.Say($"  active   {standing.ActiveCount}: {string.Join(' ', standing.Active)}{(standing.ActiveCount > standing.Active.Count ? " …" : "")}");
        if (standing.Pause is { } pause && standing.State == BackfillState.Paused)
            screen.SayMarkup($"  [yellow]paused[/]   by {Screen.Escape(pause.Actor)} at {Words.Time(pause.At, clock)}{(pause.Reason is null ? "" : $": {Screen.Escape(Words.Brief(pause.Reason, 300))}")}");
        if (standing.Reason is { } why) screen.SayMarkup($"  reason   {Screen.Escape(Words.Brief(why, 300))}");
        screen.Say($"  runs     fanfare runs --tag backfill:{view.Backfill}");
    }

    private static string State(BackfillState state)
    {
        var word = state.ToString().ToLowerInvariant();
        return state switch
        {
            BackfillState.Done => $"[green]{word}[/]",
            BackfillState.Running => $"[blue]{word}[/]",
            _ => $"[yellow]{word}[/]",
        };
    }

    private static Argument<string> Id() => new("BACKFILL") { Description = "The backfill's id" };

    private static Option<int?> Priority(string description) => new("--priority") { Description = description, HelpName = "N" };

    private static Option<string?> Key() => new("--key") { Description = "Idempotency key: the same key starts it once, however often it is sent", HelpName = "KEY" };
}
