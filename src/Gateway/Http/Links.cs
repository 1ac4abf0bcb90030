namespace Fanfare.Gateway;

/// <summary>Paths on this server.</summary>
internal static class Links
{
    public static string Run(string ns, string run) => $"/api/v1/runs/{Uri.EscapeDataString(run)}{Tenant(ns)}";

    public static string Deployment(string ns, string flow, int version) => $"/api/v1/flows/{Uri.EscapeDataString(flow)}/deployments/{version}{Tenant(ns)}";

    public static string RunPage(string ns, string run) => $"/runs/{Uri.EscapeDataString(run)}{Tenant(ns)}";

    public static string TaskPage(string ns, string run, string task) => $"/runs/{Uri.EscapeDataString(run)}/tasks/{Uri.EscapeDataString(task)}{Tenant(ns)}";

    public static string Task(string ns, string run, string task, string rest) =>
        $"/api/v1/runs/{Uri.EscapeDataString(run)}/tasks/{Uri.EscapeDataString(task)}{rest}{Tenant(ns, rest.Contains('?', StringComparison.Ordinal))}";

    public static string Artifact(string ns, string run, string task, string name) =>
        Task(ns, run, task, "/artifacts/" + string.Join('/', name.Split('/').Select(Uri.EscapeDataString)));

    public static string SchedulePage(string ns, string flow, string schedule) => $"/schedules/{Uri.EscapeDataString(flow)}/{Uri.EscapeDataString(schedule)}{Tenant(ns)}";

    public static string EventPage(string ns, string id) => $"/events/{Uri.EscapeDataString(id)}{Tenant(ns)}";

    public static string BackfillPage(string ns, string id) => $"/backfills/{Uri.EscapeDataString(id)}{Tenant(ns)}";

    public static string Schedule(string ns, string flow, string schedule, string verb) => $"/api/v1/flows/{Uri.EscapeDataString(flow)}/schedules/{Uri.EscapeDataString(schedule)}:{verb}{Tenant(ns)}";

    public static string Trigger(string ns, string flow, string trigger, string verb) => $"/api/v1/flows/{Uri.EscapeDataString(flow)}/triggers/{Uri.EscapeDataString(trigger)}:{verb}{Tenant(ns)}";

    public static string Backfill(string ns, string id, string verb) => $"/api/v1/backfills/{Uri.EscapeDataString(id)}:{verb}{Tenant(ns)}";

    /// <summary>The runs of a flow with a tag.</summary>
    public static string Runs(string ns, string flow, string tag) => Listing("/", ns, ("flow", flow), ("tag", tag));

    /// <summary>A page that lists something.</summary>
    /// <param name="query">Its filter, and where it begins; what is null is left out.</param>
    public static string Listing(string path, string ns, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var given = new List<KeyValuePair<string, string?>>();
        if (ns != "default") given.Add(new("namespace", ns));
        foreach (var (name, value) in query)
            if (value is not null) given.Add(new(name, value));
        return path + QueryString.Create(given);
    }

    public static string Tenant(string ns, bool more = false) => ns == "default" ? "" : $"{(more ? '&' : '?')}namespace={Uri.EscapeDataString(ns)}";
}
