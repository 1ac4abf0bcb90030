namespace Fanfare.Gateway;

internal static class RunLookup
{
    /// <summary>The run that the request is about.</summary>
    /// <exception cref="ApiFault">There is none.</exception>
    public static async Task<RunRow> GetRunAsync(this IReadModel reads, HttpContext http, string run)
    {
        var ns = Q.NamespaceOf(http);
        return (RunIds.IsPossible(run) ? await reads.GetRunAsync(ns, run, http.RequestAborted) : null)
            ?? throw ApiFault.NotFound($"There is no run '{(run.Length > 80 ? run[..80] + "…" : run)}' in namespace {ns}.");
    }
}
