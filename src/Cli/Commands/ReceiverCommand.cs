using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Fanfare.Cli.Hosting;
using Fanfare.Cli.Output;
using Fanfare.Specs;
using Fanfare.Specs.Templates;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare receiver</c>: whom a server can notify, tried out without a server.</summary>
internal static class ReceiverCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("receiver", "Check a file of receivers, and try one of them out. Needs no server") { Check(global), Test(global) };
        ExampleHelp.Add(command, "fanfare receiver check receivers.yaml", "fanfare receiver test receivers.yaml ops");
        return command;
    }

    private static Command Check(GlobalOptions global)
    {
        var file = ReceiversFile();
        var command = new Command("check", "Check a file of receivers and its secrets, and report every error at once. Sends nothing") { file };
        ExampleHelp.Add(command, "fanfare receiver check receivers.yaml");
        return global.On(command, (session, parsed, _) =>
        {
            var (specs, path) = Read(session, parsed.GetRequiredValue(file));
            if (specs is null) return Task.FromResult(ExitCode.Usage);
            using var notifier = ReceiverFile.Of(session.Host, specs, path, null);
            if (session.Screen.Json) session.Screen.WriteJson(new ReceiversReport(path, [.. specs.Select(spec => new ReceiverReport(spec.Name, KindOf(spec)))]));
            else session.Screen.Table(["RECEIVER", "KIND"], specs.Select(spec => new[] { Screen.Escape(spec.Name), KindOf(spec) }));
            return Task.FromResult(ExitCode.Success);
        });
    }

    private static Command Test(GlobalOptions global)
    {
        var file = ReceiversFile();
        var name = new Argument<string>("NAME") { Description = "The receiver" };
        var kind = new Option<string>("--kind") { Description = "Of what it is told: succeeded, failed, cancelled, late or skipped", HelpName = "KIND", DefaultValueFactory = _ => "failed" };
        kind.AcceptOnlyFromAmong([.. KindWords.All.Keys]);
        var address = ServeArguments.PublicUrl();
        var command = new Command("test", "Tell a receiver of something that has not happened, from this machine, and say how it went") { file, name, kind, address };
        ExampleHelp.Add(command, "fanfare receiver test receivers.yaml ops", "fanfare receiver test receivers.yaml pager --kind succeeded");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var (specs, path) = Read(session, parsed.GetRequiredValue(file));
            if (specs is null) return ExitCode.Usage;
            var receiver = parsed.GetRequiredValue(name);
            var told = specs.FirstOrDefault(spec => spec.Name == receiver)
                ?? throw new CommandException(ExitCode.Usage, $"There is no receiver '{receiver}' in {parsed.GetRequiredValue(file)}.", $"It has {string.Join(", ", specs.Select(spec => spec.Name))}.");
            using var notifier = ReceiverFile.Of(session.Host, [told], path, ServeArguments.PublicUrlOf(session.Host, parsed.GetValue(address)));
            var answer = await notifier.TellAsync(Sample(receiver, KindWords.All[parsed.GetRequiredValue(kind)], session.Host.Clock.GetUtcNow()), receiver, cancel);
            if (session.Screen.Json) session.Screen.WriteJson(new ReceiverTestReport(receiver, answer.Outcome, answer.Reason, answer.After?.TotalSeconds));
            else session.Screen.Say(answer.Outcome switch
            {
                NoticeOutcome.Told => $"Receiver '{receiver}' has it.",
                NoticeOutcome.Later => $"Receiver '{receiver}' does not have it; a server would try again{(answer.After is { } after ? $" after {after.TotalSeconds:0} s" : "")}. {Words.Printable(answer.Reason)}",
                _ => $"Receiver '{receiver}' does not have it, and trying again would not help. {Words.Printable(answer.Reason)}",
            });
            return answer.Outcome switch { NoticeOutcome.Told => ExitCode.Success, NoticeOutcome.Later => ExitCode.Unreachable, _ => ExitCode.Usage };
        });
    }

    private static Argument<FileInfo> ReceiversFile() => new("FILE") { Description = "The file of receivers, YAML or JSON" };

    // Null, after its errors were told.
    private static (IReadOnlyList<ReceiverSpec>? Specs, string Path) Read(Session session, FileInfo given)
    {
        var path = Path.GetFullPath(given.ToString(), session.Host.WorkingDirectory);
        var source = new SourceText(given.ToString(), OperatorFile.Text(path, given.ToString(), "Name a file that can be read."));
        var (specs, errors) = ReceiverFileReader.Read(source.Text);
        if (errors.Count == 0) return (specs, path);
        if (session.Screen.Json) session.Screen.WriteJson(new ValidationReport(given.ToString(), false, errors));
        else
        {
            foreach (var error in errors) session.Screen.Note(Complaints.Of(error, source));
            session.Screen.Note($"{given} has {Words.Count(errors.Count, "error")}.");
        }
        return (null, path);
    }

    private static string KindOf(ReceiverSpec spec) => spec switch { WebhookReceiver => "webhook", SlackReceiver => "slack", PagerDutyReceiver => "pagerduty", _ => "email" };

    // As one of the kind is, so that templates have something to show.
    private static Notice Sample(string receiver, NoticeKind kind, DateTimeOffset now)
    {
        var said = $"This is a test of receiver '{receiver}'; nothing has happened.";
        var payload = kind == NoticeKind.Skipped
            ? new JsonObject { ["flow"] = "test", ["schedule"] = "nightly", ["interval_start"] = Time(now.AddDays(-1)), ["interval_end"] = Time(now), ["reason"] = said }
            : new JsonObject { ["run"] = "test", ["flow"] = "test", ["deployment"] = 1, ["parameters"] = new JsonObject { ["note"] = said }, ["tags"] = new JsonArray("test"), ["actor"] = Environment.UserName, ["created_at"] = Time(now.AddMinutes(-11)) };
        if (kind == NoticeKind.Late)
        {
            payload["deadline"] = Time(now.AddMinutes(5));
            payload["expected_at"] = Time(now.AddMinutes(45));
        }
        else if (kind != NoticeKind.Skipped)
        {
            payload["status"] = KindWords.Of(kind);
            payload["generation"] = 0;
            payload["ended_at"] = Time(now);
        }
        if (kind == NoticeKind.Failed) payload["error"] = new JsonObject { ["type"] = "test", ["message"] = said };
        return new Notice($"test-{Guid.NewGuid():N}", "default", "test", kind, now, payload.ToJsonString(), null, null);

        static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
    }
}
