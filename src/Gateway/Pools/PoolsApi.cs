using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Pools of machines: setting, showing, deleting.</summary>
internal static class PoolsApi
{
    // A page is at most a thousand pools, and each is asked of the server that looks after it.
    private const int AskedAtATime = 16;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Pools");
        api.MapGet("/pools", ListAsync).AsRead().WithQuery(Q.Limit, Q.Cursor)
            .WithName("listPools").WithSummary("List pools by name, each with its machines");
        api.MapGet("/pools/{pool}", ShowAsync).AsRead().WithQuery()
            .WithName("showPool").WithSummary("Show a pool's machines, and why it has no more of them or no fewer");
        api.MapPut("/pools/{pool}", SetAsync).AsCommand().WithQuery()
            .WithMetadata(new RequestBody(typeof(SetPoolRequest), true, ["application/json", "application/yaml"]))
            .WithName("setPool").WithSummary("Make a pool, or change it")
            .WithDescription("Machines that are there stay, and are ended where there are too many. The same spec again changes nothing. The body may also be the pool's file itself, as application/yaml.");
        api.MapDelete("/pools/{pool}", DeleteAsync).AsCommand().WithQuery()
            .WithName("deletePool").WithSummary("Delete a pool: its machines end with their last tasks")
            .WithDescription("It is listed until the last of them has ended. Repeating it is no error.");
    }

    private static async Task<Ok<ListResponse<PoolInfo>>> ListAsync(HttpContext http, IReadModel reads, IScheduler scheduler)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<PoolRow>> Query() => reads.ListPoolsAsync(cursor, Q.LimitOf(http), http.RequestAborted);
        var page = await Listing.PageAsync(cursor, Query, row => row.Pool);
        var pools = new List<PoolInfo>();
        foreach (var some in page.Items.Chunk(AskedAtATime))
            pools.AddRange((await Task.WhenAll(some.Select(pool => ReadAsync(scheduler, pool, http.RequestAborted)))).OfType<PoolInfo>());
        return TypedResults.Ok(new ListResponse<PoolInfo>(pools, page.Next));
    }

    private static async Task<Ok<PoolInfo>> ShowAsync(HttpContext http, string pool, IReadModel reads, IScheduler scheduler)
    {
        // Names that nobody ever gave are asked of nobody.
        if (!Names.IsValid(pool) || await reads.GetPoolAsync(pool, http.RequestAborted) is null) throw NoPool(pool);
        return TypedResults.Ok(await scheduler.ReadPoolAsync(pool, http.RequestAborted));
    }

    private static async Task<Ok<PoolChange>> SetAsync(HttpContext http, string pool, IScheduler scheduler, ISpecReader specs)
    {
        var actor = Caller.ActorOf(http);
        var source = Body.IsYaml(http) ? await Body.ReadTextAsync(http, "source", Limits.SpecBytes) : (await Body.ReadJsonAsync<SetPoolRequest>(http)).Source;
        var reading = specs.ReadPool(source);
        if (reading.Pool is null || reading.Errors.Count > 0) throw ApiFault.OfSource(ErrorCodes.PoolInvalid, "pool", reading.Errors);
        if (reading.Pool.Name != pool)
            throw new ApiFault(ErrorCodes.PoolInvalid, "The pool is another one than the address names.",
                [new FieldError("name", $"is '{reading.Pool.Name}', and the address names '{Show.Shorten(pool, 80)}'", "Send it to the address of that pool, or change the name.")]);
        return TypedResults.Ok(await scheduler.SetPoolAsync(new SetPool(actor, reading.Pool), http.RequestAborted));
    }

    private static async Task<Ok<PoolChange>> DeleteAsync(HttpContext http, string pool, IScheduler scheduler)
    {
        if (!Names.IsValid(pool)) throw NoPool(pool);
        return TypedResults.Ok(await scheduler.DeletePoolAsync(new DeletePool(Caller.ActorOf(http), pool), http.RequestAborted));
    }

    // Null for one that was deleted, and whose last machine ended, since it was listed.
    private static async Task<PoolInfo?> ReadAsync(IScheduler scheduler, string pool, CancellationToken cancellationToken)
    {
        try
        {
            return await scheduler.ReadPoolAsync(pool, cancellationToken);
        }
        catch (RefusedException refused) when (refused.Kind == RefusalKind.NotFound)
        {
            return null;
        }
    }

    private static ApiFault NoPool(string pool) => ApiFault.NotFound($"There is no pool '{Show.Shorten(pool, 80)}'.");
}
