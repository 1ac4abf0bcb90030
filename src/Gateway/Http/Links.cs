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

    public static string Tenant(string ns, bool more = false) => ns == "default" ? "" : $"{(more ? '&' : '?')}namespace={Uri.EscapeDataString(ns)}";
}
