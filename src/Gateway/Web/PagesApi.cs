namespace Fanfare.Gateway;

/// <summary>The pages for people. They refuse no query parameter, so that links from elsewhere work.</summary>
internal static class PagesApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("").ExcludeFromDescription();
        pages.MapGet("/", async (HttpContext http, IReadModel reads, IScheduler scheduler, TimeProvider clock) =>
            await Layout.WriteAsync(http, await IndexPage.BuildAsync(http, reads, scheduler, clock))).AsRead();
        pages.MapGet("/fragment", async (HttpContext http, IReadModel reads, IScheduler scheduler, TimeProvider clock) =>
            await Layout.WriteFragmentAsync(http, await IndexPage.FragmentAsync(http, reads, scheduler, clock))).AsRead();
        pages.MapGet("/runs/{run}", async (HttpContext http, string run, IReadModel reads, Deployments deployments, TimeProvider clock) =>
            await Layout.WriteAsync(http, await RunPage.BuildAsync(http, run, reads, deployments, clock))).AsRead();
        pages.MapGet("/runs/{run}/fragment", async (HttpContext http, string run, IReadModel reads, Deployments deployments, TimeProvider clock) =>
            await Layout.WriteFragmentAsync(http, await RunPage.FragmentAsync(http, await reads.GetRunAsync(http, run), reads, deployments, clock))).AsRead();
        pages.MapGet("/runs/{run}/tasks/{task}", async (HttpContext http, string run, string task, TaskLookup tasks, IReadModel reads, IScheduler scheduler, TimeProvider clock) =>
            await Layout.WriteAsync(http, await TaskPage.BuildAsync(http, run, task, tasks, reads, scheduler, clock))).AsRead();
        Refreshing(pages, "/schedules", (http, reads, clock) => SchedulesPage.BuildAsync(http, reads, clock));
        Refreshing(pages, "/schedules/{flow}/{schedule}", (http, reads, clock) => SchedulePage.BuildAsync(http, Value(http, "flow"), Value(http, "schedule"), reads, clock));
        Refreshing(pages, "/backfills", (http, reads, _) => BackfillsPage.BuildAsync(http, reads));
        Refreshing(pages, "/backfills/{backfill}", (http, reads, clock) => BackfillPage.BuildAsync(http, Value(http, "backfill"), reads, clock));
        Refreshing(pages, "/triggers", (http, reads, _) => TriggersPage.BuildAsync(http, reads, http.RequestServices.GetRequiredService<IScheduler>()));
        Refreshing(pages, "/events", (http, reads, _) => EventsPage.BuildAsync(http, reads));
        Refreshing(pages, "/events/{event}", (http, reads, _) => EventPage.BuildAsync(http, Value(http, "event"), reads));
        Refreshing(pages, "/dead-letters", (http, reads, _) => DeadLettersPage.BuildAsync(http, reads));
        pages.MapGet("/errors/{code}", async (HttpContext http, string code) =>
            await Layout.WriteAsync(http, CodePages.Read(code) ?? throw ApiFault.NotFound($"There is no error code '{Show.Shorten(code, 20)}'.")))
            .AsRead().WithMetadata(OpenToAll.Instance);
    }

    /// <summary>A page whose content is fetched anew every few seconds, from the path below it.</summary>
    private static void Refreshing(IEndpointRouteBuilder pages, string path, Func<HttpContext, IReadModel, TimeProvider, Task<PageContent>> build)
    {
        pages.MapGet(path, async (HttpContext http, IReadModel reads, TimeProvider clock) =>
            await Layout.WriteAsync(http, await build(http, reads, clock) with { Live = new LiveSource($"{http.Request.Path.ToUriComponent()}/fragment{http.Request.QueryString.Value}", null) })).AsRead();
        pages.MapGet(path + "/fragment", async (HttpContext http, IReadModel reads, TimeProvider clock) =>
            await Layout.WriteFragmentAsync(http, (await build(http, reads, clock)).Content)).AsRead();
    }

    private static string Value(HttpContext http, string name) => (string)http.Request.RouteValues[name]!;
}
