using System.CommandLine;
using System.Text.Json;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare event</c>: events, the triggers that listen for them, and what could not start.</summary>
internal static class EventCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("event", "Publish events, and see what they start")
        {
            Publish(global), List(global), Show(global), Triggers(global), Trigger(global), Verb(global, "pause", "Pause a trigger: nothing starts by it until it is resumed"),
            Verb(global, "resume", "Resume a trigger; events that came while it was paused are left out"), Dead(global),
            Settle(global, "redrive", "Try again what could not start, by the triggers as they are now"), Settle(global, "dismiss", "Dismiss what could not start"),
        };
        ExampleHelp.Add(command, "fanfare event publish orders.loaded --payload '{\"day\": \"2026-11-27\"}' --key orders-2026-11-27", "fanfare event triggers", "fanfare event dead");
        return command;
    }

    private static Command Publish(GlobalOptions global)
    {
        var name = new Argument<string>("NAME") { Description = "The event's name" };
        var payload = new Option<string?>("--payload") { Description = "JSON object; @FILE takes a file's content, @- standard input", HelpName = "JSON" };
        var key = new Option<string?>("--key") { Description = "Idempotency key: the same key and name are one event, however often it is sent", HelpName = "KEY" };
        var command = new Command("publish", "Publish an event: the flows whose triggers listen for it start") { name, payload, key };
        ExampleHelp.Add(command, "fanfare event publish orders.loaded --payload '{\"day\": \"2026-11-27\"}' --key orders-2026-11-27", "fanfare event publish orders.loaded --payload @orders.json");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var request = new PublishRequest(parsed.GetRequiredValue(name), await PayloadAsync(session, parsed.GetValue(payload), cancel), parsed.GetValue(key));
            var published = await session.Api.PublishAsync(request, cancel);
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(published);
                return ExitCode.Success;
            }
            session.Screen.Say(published.New ? $"Published {Words.Printable(published.Name)} as event {published.Event}." : $"The key had published it before, as event {published.Event}.");
            Outcomes(session, published.Outcomes);
            return ExitCode.Success;
        });
    }

    private static async Task<JsonElement?> PayloadAsync(Session session, string? given, CancellationToken cancellationToken)
    {
        if (given is null) return null;
        try
        {
            var text = given == "@-" ? await Console.In.ReadToEndAsync(cancellationToken)
                : given.StartsWith('@') ? await File.ReadAllTextAsync(Path.Combine(session.Host.WorkingDirectory, given[1..]), cancellationToken) : given;
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new CommandException(ExitCode.Usage, $"--payload is no JSON: {error.Message}", "Give an object like '{\"day\": \"2026-11-27\"}', or @FILE.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"--payload cannot be read: {error.Message}", "Name a file that can be.");
        }
    }

    private static Command List(GlobalOptions global)
    {
        var name = new Argument<string?>("NAME") { Description = "Only events of this name, and ends of this flow's runs", Arity = ArgumentArity.ZeroOrOne };
        var limit = Arguments.Limit(50);
        var cursor = Arguments.Cursor();
        var command = new Command("list", "List events, newest first") { name, limit, cursor };
        ExampleHelp.Add(command, "fanfare event list", "fanfare event list orders.loaded --limit 10");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.ListEventsAsync(parsed.GetValue(name), parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No events. Publish one with: fanfare event publish NAME");
            else
            {
                session.Screen.Table(["EVENT", "WHAT", "PUBLISHED", "BY", "STARTED", "HELD", "FAILED"], page.Items.Select(e => new[]
                {
                    e.Event, Screen.Escape(What(e.Kind, e.Name)), Words.Time(e.PublishedAt, session.Host.Clock), Screen.Escape(e.Actor),
                    Count(e, TriggerResult.Started), Count(e, TriggerResult.Held), Count(e, TriggerResult.Failed),
                }));
                More(session, page.Next);
            }
            return ExitCode.Success;
        });
    }

    private static Command Show(GlobalOptions global)
    {
        var id = new Argument<string>("EVENT") { Description = "The event's id" };
        var command = new Command("show", "Show an event, and what it came to at every trigger") { id };
        ExampleHelp.Add(command, "fanfare event show e1m8es8mch2jtew4rhgw");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var view = await session.Api.GetEventAsync(parsed.GetRequiredValue(id), cancel);
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(view);
                return ExitCode.Success;
            }
            session.Screen.SayMarkup($"[bold]{Screen.Escape(What(view.Kind, view.Name))}[/], by {Screen.Escape(view.Actor)} at {Words.Time(view.PublishedAt, session.Host.Clock)}{(view.IdempotencyKey is { } key ? $", key {Screen.Escape(key)}" : "")}");
            session.Screen.Say($"  {Words.Brief(view.Payload.GetRawText(), 2000)}");
            Outcomes(session, view.Outcomes);
            return ExitCode.Success;
        });
    }

    private static Command Triggers(GlobalOptions global)
    {
        var flow = Arguments.OptionalFlow(global, "Only triggers of this flow");
        var limit = Arguments.Limit(100);
        var cursor = Arguments.Cursor();
        var command = new Command("triggers", "List the triggers, by flow and name") { flow, limit, cursor };
        ExampleHelp.Add(command, "fanfare event triggers", "fanfare event triggers report");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.ListTriggersAsync(parsed.GetValue(flow), parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No triggers. A flow has them under 'triggers' (docs/triggers.md).");
            else
            {
                session.Screen.Table(["FLOW", "TRIGGER", "LISTENS FOR", "DEPLOYMENT", "PAUSED"], page.Items.Select(t => new[]
                {
                    Screen.Escape(t.Flow), Screen.Escape(t.Trigger), Screen.Escape(ListensFor(t.Standing.Spec)), $"{t.Standing.Deployment}", Paused(t.Standing, session.Host.Clock),
                }));
                More(session, page.Next);
            }
            return ExitCode.Success;
        });
    }

    private static Command Trigger(GlobalOptions global)
    {
        var (flow, trigger) = (Arguments.Flow(global, "The flow"), new Argument<string>("TRIGGER") { Description = "The trigger, by its name in the flow" });
        var command = new Command("trigger", "Show a trigger, and what one that needs several events has so far") { flow, trigger };
        ExampleHelp.Add(command, "fanfare event trigger report on_both");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var view = await session.Api.GetTriggerAsync(parsed.GetRequiredValue(flow), parsed.GetRequiredValue(trigger), cancel);
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(view);
                return ExitCode.Success;
            }
            Say(session, view);
            if (view.Held is { } held)
            {
                session.Screen.Table(["NEEDS", "HAS", "PUBLISHED"], view.Standing.Spec.Sources.Select((source, place) => held.FirstOrDefault(had => had.Source == place) is { } had
                    ? new[] { Screen.Escape(ListensFor(source)), had.Event, Words.Time(had.PublishedAt, session.Host.Clock) }
                    : [Screen.Escape(ListensFor(source)), "nothing yet", ""]));
            }
            return ExitCode.Success;
        });
    }

    private static Command Verb(GlobalOptions global, string verb, string summary)
    {
        var (flow, trigger) = (Arguments.Flow(global, "The flow"), new Argument<string>("TRIGGER") { Description = "The trigger, by its name in the flow" });
        var reason = new Option<string?>("--reason") { Description = "Why; shown with the trigger", HelpName = "TEXT" };
        var command = new Command(verb, summary) { flow, trigger };
        if (verb == "pause") command.Add(reason);
        ExampleHelp.Add(command, $"fanfare event {verb} report on_orders");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var request = new TriggerCommandRequest(verb == "pause" ? parsed.GetValue(reason) : null);
            var view = await session.Api.CommandTriggerAsync(parsed.GetRequiredValue(flow), parsed.GetRequiredValue(trigger), verb, request, cancel);
            if (session.Screen.Json) session.Screen.WriteJson(view);
            else Say(session, view);
            return ExitCode.Success;
        });
    }

    private static Command Dead(GlobalOptions global)
    {
        var flow = Arguments.OptionalFlow(global, "Only what this flow's triggers could not start");
        var limit = Arguments.Limit(100);
        var cursor = Arguments.Cursor();
        var command = new Command("dead", "List what should have started a run and could not, oldest first") { flow, limit, cursor };
        ExampleHelp.Add(command, "fanfare event dead", "fanfare event dead report");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.ListDeadLettersAsync(parsed.GetValue(flow), parsed.GetValue(limit), parsed.GetValue(cursor), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No dead letters.");
            else
            {
                session.Screen.Table(["EVENT", "WHAT", "FLOW", "TRIGGER", "TRIED", "REASON"], page.Items.Select(l => new[]
                {
                    l.Event, Screen.Escape(What(l.Kind, l.Name)), Screen.Escape(l.Flow), Screen.Escape(l.Trigger), Words.Time(l.At, session.Host.Clock), Screen.Escape(Words.Brief(l.Reason, 200)),
                }));
                More(session, page.Next);
            }
            return ExitCode.Success;
        });
    }

    private static Command Settle(GlobalOptions global, string verb, string summary)
    {
        var flow = new Option<string?>("--flow") { Description = "Only of this flow's triggers", HelpName = "FLOW" };
        var trigger = new Option<string?>("--trigger") { Description = "With --flow: only of this trigger", HelpName = "TRIGGER" };
        var id = new Option<string?>("--event") { Description = "Only of this event", HelpName = "EVENT" };
        var all = new Option<bool>("--all") { Description = "All that there are" };
        var command = new Command(verb, $"{summary}: the oldest 1,000 of those meant") { flow, trigger, id, all };
        ExampleHelp.Add(command, $"fanfare event {verb} --flow report", $"fanfare event {verb} --all");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var request = new DeadLettersRequest(parsed.GetValue(id), parsed.GetValue(flow), parsed.GetValue(trigger));
            if (request is { Event: null, Flow: null } && !parsed.GetValue(all)) throw new CommandException(ExitCode.Usage, "Which of them is not said.", "Give --flow, --event, or --all.");
            var done = await session.Api.SettleDeadLettersAsync(verb, request, cancel);
            if (session.Screen.Json) session.Screen.WriteJson(done);
            else
            {
                session.Screen.Say(verb == "dismiss" ? $"Dismissed {done.Settled}." : $"{Words.Count(done.Settled, "letter")} settled; {done.Failed} could not start again{(done.Failed > 0 ? " (fanfare event dead says why)" : "")}.");
                if (done.More) session.Screen.Note("There are more: repeat the command.");
            }
            return ExitCode.Success;
        });
    }

    private static void Outcomes(Session session, IReadOnlyList<OutcomeView> outcomes)
    {
        if (outcomes.Count == 0) session.Screen.Say("  Nothing listens for it.");
        foreach (var o in outcomes)
        {
            session.Screen.Say($"  {o.Flow} {o.Trigger}: {o.Result switch
            {
                TriggerResult.Started => $"run {o.Run}",
                TriggerResult.Held => "has this now, and needs more",
                _ => $"{Words.Of(o.Result)}: {Words.Printable(Words.Brief(o.Reason ?? "", 300))}",
            }}");
        }
    }

    private static void Say(Session session, TriggerView view) => session.Screen.SayMarkup(
        $"[bold]{Screen.Escape(view.Flow)} {Screen.Escape(view.Trigger)}[/], {Screen.Escape(ListensFor(view.Standing.Spec))}{(view.Standing.Spec.All ? $" within {Words.Exactly(view.Standing.Spec.Within)}" : "")}: {(view.Standing.Pause is null ? "starts runs" : Paused(view.Standing, session.Host.Clock))}");

    private static string ListensFor(TriggerSpec spec) => string.Join(spec.All ? " and " : " or ", spec.Sources.Select(ListensFor));

    private static string ListensFor(TriggerSource source) => (source.Event ?? $"{string.Join('/', source.Ends.Select(Words.Of))} {source.Flow}") + (source.Where.Count > 0 ? " where …" : "");

    private static string Paused(TriggerStanding standing, TimeProvider clock) =>
        standing.Pause is { } pause ? $"[yellow]paused[/] by {Screen.Escape(pause.Actor)} at {Words.Time(pause.At, clock)}{(pause.Reason is null ? "" : $": {Screen.Escape(Words.Brief(pause.Reason, 200))}")}" : "";

    private static string What(EventKind kind, string name) => kind == EventKind.Event ? name : $"end of a run of {name}";

    private static string Count(PublishedView view, TriggerResult result) => $"{view.Outcomes.Count(outcome => outcome.Result == result)}";

    private static void More(Session session, string? next)
    {
        if (next is not null) session.Screen.Note($"There are more: --limit, or --cursor {next}");
    }
}
