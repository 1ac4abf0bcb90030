namespace Fanfare.EndToEnd.Standby;

/// <summary>What runs while servers come and go.</summary>
internal static class Flows
{
    public static string Wide(int tasks, string script, int cpu = 1) => $$$"""
        name: wide
        steps:
          start: {run: ["true"], next: {foreach: each, over: {range: {{{tasks}}} } } }
          each: {run: {{{Run.Shell(script)}}}, resources: {cpu: {{{cpu}}} }, next: all}
          all: {join: all, run: ["true"]}
        """;

    /// <summary>How many of the tasks have an accepted result.</summary>
    public static async Task<int> DoneAsync(Api api, string run) => (await api.StepsAsync(run)).Where(s => s.Step == "each").Sum(s => s.Succeeded);
}
