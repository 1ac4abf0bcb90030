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
        pages.MapGet("/errors/{code}", async (HttpContext http, string code) =>
            await Layout.WriteAsync(http, CodePages.Read(code) ?? throw ApiFault.NotFound($"There is no error code '{Show.Shorten(code, 20)}'.")))
            .AsRead().WithMetadata(OpenToAll.Instance);
    }
}
