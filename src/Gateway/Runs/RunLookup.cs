namespace Fanfare.Gateway;

internal static class RunLookup
{
    /// <summary>The run that the request is about.</summary>
    /// <exception cref="ApiFault">There is none.</exception>
    /// <exception cref="RefusedException">It has been archived.</exception>
    public static async Task<RunRow> GetRunAsync(this IReadModel reads, HttpContext http, string run)
    {
        var ns = Q.NamespaceOf(http);
        if (!RunIds.IsPossible(run)) throw Missing(ns, run);
        return await reads.GetRunAsync(ns, run, http.RequestAborted)
            ?? throw (await reads.GetRetiredAsync(ns, run, http.RequestAborted))?.Refusal() ?? Missing(ns, run);
    }

    public static Exception Missing(string ns, string run) =>
        ApiFault.NotFound($"There is no run '{(run.Length > 80 ? run[..80] + "…" : run)}' in namespace {ns}.");
}
