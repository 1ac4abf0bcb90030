using System.CommandLine;
using System.CommandLine.Completions;
using Fanfare.Cli.Api;
using Fanfare.Specs;

namespace Fanfare.Cli.Commands;

/// <summary>Arguments and options that several commands have; what the server knows completes in the shell.</summary>
internal static class Arguments
{
    // A completion that takes longer is of no use to whoever types.
    private static readonly TimeSpan CompletionTime = TimeSpan.FromMilliseconds(700);

    public static Argument<string> Run(GlobalOptions global) => Completed(
        new Argument<string>("RUN") { Description = "Id of the run, or 'last' for the newest" },
        global, async (api, cancel) => (await api.ListRunsAsync(new RunQuery { Limit = 20 }, cancel)).Items.Select(r => r.Run));

    public static Argument<string> Flow(GlobalOptions global, string description) => Completed(
        new Argument<string>("FLOW") { Description = description },
        global, async (api, cancel) => (await api.ListFlowsAsync(100, null, cancel)).Items.Select(f => f.Flow));

    public static Argument<string> Pool(GlobalOptions global) => Completed(
        new Argument<string>("POOL") { Description = "Name of the pool" },
        global, async (api, cancel) => (await api.ListPoolsAsync(100, null, cancel)).Items.Select(pool => pool.Spec.Name));

    /// <summary>A flow that may be left out, for all.</summary>
    public static Argument<string?> OptionalFlow(GlobalOptions global, string description)
    {
        var flow = Flow(global, description);
        flow.Arity = ArgumentArity.ZeroOrOne;
        return flow!;
    }

    public static Option<string?> Cursor() => new("--cursor") { Description = "Go on after a page: the 'next' of its JSON", HelpName = "CURSOR" };

    public static Argument<string> Task() => new("TASK") { Description = "The task, as in train or 'train[3,1]'" };

    public static Argument<FileInfo> FlowFile() => new("FLOW.yaml") { Description = "The flow's spec, YAML or JSON" };

    public static Option<string[]> Parameters() => new("--parameter", "-p")
    {
        Description = "A parameter of the run; may be repeated. NAME=@FILE takes a file's content, NAME=@@TEXT a text that begins with @",
        HelpName = "NAME=VALUE",
        DefaultValueFactory = _ => [],
    };

    public static Option<string[]> Tags() => new("--tag") { Description = "A tag for the run; may be repeated", HelpName = "TAG", DefaultValueFactory = _ => [] };

    public static Option<int> Priority() => new("--priority") { Description = "Priority of the run, -100 to 100; higher goes first", HelpName = "N" };

    public static Option<int> Limit(int standard) => new("--limit")
    {
        Description = "Most rows to show, 1 to 1000",
        HelpName = "N",
        DefaultValueFactory = _ => standard,
        Validators = { result => InRange(result, 1, 1000) },
    };

    /// <param name="name">Of the option, or of the variable that stands for it.</param>
    /// <exception cref="CommandException">It is none.</exception>
    public static TimeSpan Duration(string name, string given) =>
        DurationText.TryRead(given, out var value) ? value : throw new CommandException(ExitCode.Usage, $"{name} '{given}' is no duration.", $"Write {DurationText.Rule}.");

    public static void InRange(System.CommandLine.Parsing.OptionResult result, int from, int to)
    {
        if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var value) && (value < from || value > to))
            result.AddError($"{result.Option.Name} is {value}; it must be between {from} and {to}.");
    }

    /// <summary>The id that was given; <c>last</c> stands for the newest run.</summary>
    public static async Task<string> RunIdAsync(Session session, string given, CancellationToken cancellationToken)
    {
        if (given != "last") return given;
        var runs = await session.Api.ListRunsAsync(new RunQuery { Limit = 1 }, cancellationToken);
        return runs.Items.Count > 0
            ? runs.Items[0].Run
            : throw new CommandException(ExitCode.Usage, "There is no run yet.", "Start one with: fanfare run FLOW.yaml");
    }

    private static Argument<string> Completed(
        Argument<string> argument, GlobalOptions global, Func<ApiClient, CancellationToken, Task<IEnumerable<string>>> ask)
    {
        argument.CompletionSources.Add(context => Complete(context, global, ask));
        return argument;
    }

    private static List<CompletionItem> Complete(
        CompletionContext context, GlobalOptions global, Func<ApiClient, CancellationToken, Task<IEnumerable<string>>> ask)
    {
        try
        {
            using var limit = new CancellationTokenSource(CompletionTime, global.Host.Clock);
            using var api = new ApiClient(global.Address(context.ParseResult), global.Host.Clock);
            var found = System.Threading.Tasks.Task.Run(() => ask(api, limit.Token)).GetAwaiter().GetResult();
            return [.. found.Where(i => i.StartsWith(context.WordToComplete, StringComparison.Ordinal)).Select(i => new CompletionItem(i))];
        }
        catch (Exception e) when (e is UnreachableException or ApiException or CommandException or OperationCanceledException)
        {
            // Without a server there is nothing to offer.
            return [];
        }
    }
}
