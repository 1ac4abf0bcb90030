using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.RateLimiting;

namespace Fanfare.Gateway;

/// <summary>How much of each kind of request is taken at a time, how many wait, and for how long.</summary>
internal static class Policies
{
    public const string Commands = "commands", Reads = "reads", Uploads = "uploads", Streams = "streams", Polls = "polls", MetaflowWrites = "metaflow writes", MetaflowReads = "metaflow reads";

    private static readonly TimeSpan PollTimeout = TimeSpan.FromSeconds(45), MetaflowReadTimeout = TimeSpan.FromSeconds(60);

    public static void AddLimits(this IServiceCollection services, GatewayOptions options)
    {
        services.AddRateLimiter(limits =>
        {
            limits.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limits.AddConcurrency(Commands, options.Concurrency, options.Waiting);
            limits.AddConcurrency(Reads, options.Concurrency, options.Waiting);
            limits.AddConcurrency(Uploads, options.Concurrency, options.Waiting);
            limits.AddConcurrency(Streams, options.Streams, 0);
            limits.AddConcurrency(Polls, options.Polls, 0);
            limits.AddConcurrency(MetaflowWrites, options.MetaflowWrites, options.MetaflowWaiting);
            limits.AddConcurrency(MetaflowReads, options.Concurrency, options.MetaflowWaiting);
            // Metaflow's clients repeat a request after 503, and fail the task that sent it after anything else.
            limits.OnRejected = async (rejected, _) => await Problems.WriteAsync(
                rejected.HttpContext, rejected.HttpContext.GetEndpoint()?.Metadata.GetMetadata<ForMetaflow>() is null ? ErrorCodes.TooMany : ErrorCodes.Busy, "The server has as many requests of this kind as it takes. Repeat it after Retry-After.", []);
        });
        services.AddRequestTimeouts(timeouts =>
        {
            timeouts.AddTimeout(Commands, options.CommandTimeout,
                "The command was not durable in time. It may still take effect: look before you repeat it, or repeat it with an idempotency key.");
            timeouts.AddTimeout(Reads, options.ReadTimeout, "The query was not answered in time. Repeat it, or narrow it.");
            timeouts.AddTimeout(MetaflowWrites, options.CommandTimeout, "The metadata was not durable in time. It may still be written; it does no harm to repeat it.");
            timeouts.AddTimeout(MetaflowReads, MetaflowReadTimeout, "The query was not answered in time. Repeat it, or ask for pages with _limit.");
            timeouts.AddTimeout(Polls, PollTimeout, "The poll was not answered in time. Repeat it.");
        });
    }

    /// <summary>A change of state: waits its turn, and is answered 503 when the journal takes too long.</summary>
    public static T AsCommand<T>(this T endpoint)
        where T : IEndpointConventionBuilder
    {
        endpoint.WithRequestTimeout(Commands);
        return endpoint.RequireRateLimiting(Commands);
    }

    public static T AsRead<T>(this T endpoint)
        where T : IEndpointConventionBuilder
    {
        endpoint.WithRequestTimeout(Reads);
        return endpoint.RequireRateLimiting(Reads);
    }

    /// <summary>An answer, or a body, that lasts as long as it lasts; Kestrel's data rates bound a stalled peer.</summary>
    public static T AsStream<T>(this T endpoint)
        where T : IEndpointConventionBuilder =>
        endpoint.RequireRateLimiting(Streams);

    public static T AsUpload<T>(this T endpoint)
        where T : IEndpointConventionBuilder =>
        endpoint.RequireRateLimiting(Uploads);

    public static T AsPoll<T>(this T endpoint)
        where T : IEndpointConventionBuilder
    {
        endpoint.WithRequestTimeout(Polls);
        return endpoint.RequireRateLimiting(Polls);
    }

    /// <summary>A write of Metaflow's metadata. They come from many tasks at once and share flushes, so many are taken at a time, and none takes the place of a command.</summary>
    public static T AsMetaflowWrite<T>(this T endpoint)
        where T : IEndpointConventionBuilder
    {
        endpoint.WithRequestTimeout(MetaflowWrites);
        return endpoint.RequireRateLimiting(MetaflowWrites);
    }

    public static T AsMetaflowRead<T>(this T endpoint)
        where T : IEndpointConventionBuilder
    {
        endpoint.WithRequestTimeout(MetaflowReads);
        return endpoint.RequireRateLimiting(MetaflowReads);
    }

    /// <summary>Declares the query parameters of a route; others are refused.</summary>
    public static T WithQuery<T>(this T endpoint, params QueryParameter[] parameters)
        where T : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new QueryParameters(parameters));

    /// <summary>Describes a JSON body.</summary>
    public static T WithJsonBody<T>(this T endpoint, Type type, bool required = false)
        where T : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new RequestBody(type, required, "application/json"));

    private static void AddConcurrency(this RateLimiterOptions limits, string name, int permits, int waiting) =>
        limits.AddConcurrencyLimiter(name, limiter =>
        {
            limiter.PermitLimit = permits;
            limiter.QueueLimit = waiting;
            limiter.QueueProcessingOrder = QueueProcessingOrder.OldestFirst;
        });

    private static void AddTimeout(this RequestTimeoutOptions timeouts, string name, TimeSpan timeout, string detail) =>
        timeouts.AddPolicy(name, new RequestTimeoutPolicy
        {
            Timeout = timeout,
            TimeoutStatusCode = StatusCodes.Status503ServiceUnavailable,
            WriteTimeoutResponse = http =>
            {
                var health = http.RequestServices.GetRequiredService<IJournal>().Health;
                return Problems.WriteAsync(http, ErrorCodes.Busy, health is null ? detail : $"{detail} {health}", []);
            },
        });
}
