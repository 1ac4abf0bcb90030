using Fanfare.Contracts;

namespace Fanfare.Replay.Recording;

// Joins that do without some of their members, failures and losses.
internal static partial class Scenarios
{
    private static Answer JoinAny(Lease lease) => lease.Name switch
    {
        "start" or "race[0]" or "race[1]" or "winner" => Answer.Ok(),
        "race[2]" or "leg[0]" or "leg[1]" or "p" or "q" => Answer.Hold,
        _ => Answer.Ok(),
    };

    private static async Task JoinAnyAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: join-any
            steps:
              start: {run: a, next: {foreach: race, over: {range: 3}}}
              race: {run: b, next: leg}
              leg: {run: c, next: winner}
              winner: {run: d, join: {any: 1}, next: [p, q]}
              p: {run: e, next: end}
              q: {run: f, next: end}
              end: {run: g, join: {any: 1}}
            """);
        await stage.StartAsync("join-any");
        await stage.HeldAsync("race[2]", "leg[0]", "leg[1]");
        stage.Worker.Settle("leg[0]", Answer.Ok("""{"first":true}"""));
        // What the first join cancelled may still be ending while the second split runs.
        await stage.SeenAsync<TaskCancelled>(2);
        await stage.HeldAsync("p", "q");
        stage.Worker.Settle("q", Answer.Ok());
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer JoinTolerate(Lease lease) => lease.Name is "work[1]" or "more[2]" ? Answer.Exit(1) : Answer.Ok($$"""{"task":"{{lease.Name}}"}""");

    private static async Task JoinTolerateAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: join-tolerate
            steps:
              start: {run: a, next: {foreach: work, over: {range: 4}}}
              work: {run: b, next: more}
              more: {run: c, next: end}
              end: {run: d, join: {tolerate: 2}}
            """);
        await stage.StartAsync("join-tolerate");
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer JoinBroken(Lease lease) => lease.Task.Step.Step == "work" ? Answer.Exit(1) : Answer.Ok();

    private static async Task JoinBrokenAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: join-broken
            steps:
              start: {run: a, next: {foreach: work, over: {range: 3}}}
              work: {run: b, next: end}
              end: {run: c, join: {any: 2}}
            """);
        await stage.StartAsync("join-broken");
        await stage.EndsAsync(RunStatus.Failed);
    }

    private static Answer Retry(Lease lease) => Of(lease) switch
    {
        "start 0" or "start 1" => Answer.Exit(75),
        "last 0" => Answer.Exit(75),
        "last 1" => Answer.Exit(1),
        _ => Answer.Ok(),
    };

    private static async Task RetryAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: retry
            steps:
              start: {run: a, retry: {max_attempts: 3, backoff: {initial: 5ms, factor: 3, max: 10ms, jitter: 0.5}}, next: last}
              last: {run: b, retry: {max_attempts: 5, exit_codes: [75], backoff: {initial: 1ms}}}
            """);
        await stage.StartAsync("retry");
        await stage.EndsAsync(RunStatus.Failed);
    }

    private static Answer Losses(Lease lease) => Of(lease) switch
    {
        "start 0" => Answer.Hold,
        "last 0" => Answer.Lost("the machine is going down"),
        "last 1" => Answer.Hold,
        _ => Answer.Ok(),
    };

    private static async Task LossesAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: losses
            steps:
              start: {run: a, next: last}
              last: {run: b, retry: {max_losses: 1}}
            """);
        await stage.StartAsync("losses");
        await stage.HeldAsync("start");
        stage.Worker.Reboot();
        await stage.SeenAsync<TaskLost>(2);
        await stage.HeldAsync("last");
        stage.Worker.Reboot();
        await stage.EndsAsync(RunStatus.Failed);
    }

    private static Answer Refused(Lease lease) => Of(lease) == "start 0" ? Answer.Hold : Answer.Ok("""{"attempt":1}""");

    private static async Task RefusedAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: refused
            steps:
              start: {run: a, next: last}
              last: {run: b}
            """);
        await stage.StartAsync("refused");
        await stage.HeldAsync("start");
        var stale = stage.Worker.Settle("start", Answer.Lost("it seemed so"));
        await stage.EndsAsync(RunStatus.Succeeded);
        stage.Worker.ReportStale(stale with { Token = stale.Token + "x" });
        await stage.SeenAsync<ResultRefused>();
    }

    private static Answer Timeout(Lease lease) => lease.Task.Step.Step == "work" ? Answer.Hold : Answer.Ok();

    private static async Task TimeoutAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: timeout
            timeout: 500ms
            on_failure: tell
            finally: clean
            steps:
              start: {run: a, next: {foreach: work, over: {range: 2}}}
              work: {run: b, next: end}
              end: {run: c, join: all}
              tell: {run: d}
              clean: {run: e}
            """);
        await stage.StartAsync("timeout");
        await stage.EndsAsync(RunStatus.Failed);
    }
}
