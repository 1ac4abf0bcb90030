using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>What the server writes into its log, changed while it runs. It is each server's own: one that stands by does not send it on.</summary>
internal static class LogLevelsApi
{
    public const string ListPath = "/api/v1/server/log-levels", SetPath = "/api/v1/server:log-level";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("").WithTags("Server");
        api.MapGet(ListPath, List).AsRead().WithQuery().WithName("listLogLevels").WithSummary("List from which level on the server that is asked logs what")
            .WithDescription("A level is for its category and all below it; of several the longest counts. The empty category is for all others.");
        api.MapPost(SetPath, SetAsync).AsCommand().WithQuery().WithJsonBody(typeof(LogLevelRequest)).WithName("setLogLevel").WithSummary("Change from which level on the server that is asked logs a category, until its end")
            .WithDescription("Without a level the category is back at what it was at the start. The change itself is logged.");
    }

    private static Ok<ListResponse<LogLevelView>> List(LogLevels levels) => TypedResults.Ok(View(levels));

    private static async Task<Ok<ListResponse<LogLevelView>>> SetAsync(HttpContext http, LogLevels levels)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync(http, new LogLevelRequest());
        var category = request.Category ?? "";
        if (LogLevels.WhyNot(category) is { } why) throw ApiFault.Field("category", why, "Name one such as Fanfare.Runs, or none for all others.");
        if (!levels.TrySet(category, (LogLevel?)request.Level, actor)) throw ApiFault.TooLarge("category", $"would be one more than the {LogLevels.MostRules} that may be set", "Take back others first: send their category without a level.");
        return TypedResults.Ok(View(levels));
    }

    private static ListResponse<LogLevelView> View(LogLevels levels) =>
        new([.. levels.Rules.OrderBy(rule => rule.Key, StringComparer.Ordinal).Select(rule => new LogLevelView(rule.Key, (LogSeverity)rule.Value))], null);
}
