using System.Text.Json;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Running;

/// <summary>Starts a run, or takes up one that is under way.</summary>
internal static class RunStart
{
    /// <param name="reattach">Take up an unfinished run of the same deployment with the same parameters, the newest first.</param>
    public static async Task<StartRunResponse> StartAsync(
        Session session, ApiClient api, FlowView flow, StartRunRequest request, bool reattach, CancellationToken cancellationToken)
    {
        if (reattach && await FindAsync(api, flow, request, cancellationToken) is { } found)
        {
            session.Screen.Say($"Taking up run {found.Run} of {found.Flow}, {Words.Of(found.Status)} since {Words.Time(found.CreatedAt, session.Host.Clock)} (--new starts another)");
            session.Screen.Say(api.Link(found.Page));
            return new StartRunResponse(found.Run, found.Flow, found.Deployment, false, found.Page);
        }
        // With a key of its own a start can be repeated when its answer was lost.
        var started = await api.StartRunAsync(flow.Flow, request.IdempotencyKey is null ? request with { IdempotencyKey = $"cli-{Guid.NewGuid():N}" } : request, cancellationToken);
        session.Screen.Say($"{(started.New || request.IdempotencyKey is null ? "Started" : "The same key had started")} run {started.Run} of {started.Flow}, deployment {started.Deployment}");
        session.Screen.Say(api.Link(started.Page));
        return started;
    }

    public static int Detach(Session session, ApiClient api, StartRunResponse run)
    {
        if (session.Screen.Json) session.Screen.WriteJson(run with { Page = api.Link(run.Page) });
        return ExitCode.Success;
    }

    private static async Task<RunView?> FindAsync(ApiClient api, FlowView flow, StartRunRequest request, CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var page = await api.ListRunsAsync(
                new RunQuery { Flow = flow.Flow, Deployment = request.Deployment, Active = true, Limit = 100, Cursor = cursor }, cancellationToken);
            var found = page.Items.FirstOrDefault(r =>
                r.Status is RunStatus.Running or RunStatus.Paused or RunStatus.Finishing
                && ParameterValues.AreThoseOf(r.Parameters, request.Parameters ?? new Dictionary<string, JsonElement>(), flow.Parameters));
            if (found is not null) return found;
            cursor = page.Next;
        }
        while (cursor is not null);
        return null;
    }
}
