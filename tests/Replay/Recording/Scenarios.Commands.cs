using Fanfare.Contracts;

namespace Fanfare.Replay.Recording;

// What operators do to runs and tasks.
internal static partial class Scenarios
{
    private static Answer Cancel(Lease lease) => lease.Name is "work[0]" or "work[1]" ? Answer.Hold : Answer.Ok();

    private static async Task CancelAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: cancel
            finally: clean
            steps:
              start: {run: a, next: {foreach: work, over: {range: 5}}}
              work: {run: b, next: end, max_parallel: 2}
              end: {run: c, join: all}
              clean: {run: d}
            """);
        await stage.StartAsync("cancel");
        await stage.HeldAsync("work[0]", "work[1]");
        await stage.CommandAsync(RunVerb.Cancel);
        await stage.EndsAsync(RunStatus.Cancelled);
    }

    private static Answer CancelHandler(Lease lease) => lease.Name == "clean" ? Answer.Hold : Answer.Ok();

    private static async Task CancelHandlerAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: cancel-handler
            finally: [clean, never]
            steps:
              start: {run: a}
              clean: {run: b}
              never: {run: c}
            """);
        await stage.StartAsync("cancel-handler");
        await stage.HeldAsync("clean");
        await stage.CommandAsync(RunVerb.Cancel);
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Pause(Lease lease) => lease.Name == "work[0]" ? Answer.Hold : Answer.Ok();

    private static async Task PauseAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: pause
            steps:
              start: {run: a, next: {foreach: work, over: {range: 3}}}
              work: {run: b, next: end, max_parallel: 1}
              end: {run: c, join: all}
            """);
        await stage.StartAsync("pause");
        await stage.HeldAsync("work[0]");
        await stage.CommandAsync(RunVerb.Pause);
        await stage.SeenAsync<StepPaused>(2);
        stage.Worker.Settle("work[0]", Answer.Ok());
        await stage.SeenAsync<TaskSucceeded>(2);
        await stage.CommandAsync(RunVerb.Resume);
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer PauseOpening(Lease lease) => lease.Name == "start" ? Answer.Hold : Answer.Ok();

    // The step after opens while the run is paused.
    private static async Task PauseOpeningAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: pause-opening
            steps:
              start: {run: a, next: after}
              after: {run: b}
            """);
        await stage.StartAsync("pause-opening");
        await stage.HeldAsync("start");
        await stage.CommandAsync(RunVerb.Pause);
        stage.Worker.Settle("start", Answer.Ok());
        await stage.SeenAsync<StepPauseReported>(2);
        await stage.CommandAsync(RunVerb.Resume);
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer RunRetry(Lease lease) => Of(lease) switch
    {
        "work[1] 0" or "work[2] 0" or "tell 0" => Answer.Exit(1),
        "clean#1 0" => Answer.Exit(9),
        _ => Answer.Ok(),
    };

    private static async Task RunRetryAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: run-retry
            on_failure: [tell, page]
            finally: clean
            steps:
              start: {run: a, next: {foreach: work, over: {range: 4}}}
              work: {run: b, next: end}
              end: {run: c, join: all}
              tell: {run: d}
              page: {run: e}
              clean: {run: f}
            """);
        await stage.StartAsync("run-retry");
        await stage.EndsAsync(RunStatus.Failed);
        await stage.CommandAsync(RunVerb.Retry);
        await stage.EndsAsync(RunStatus.Failed);
        await stage.CommandAsync(RunVerb.Retry);
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Restart(Lease lease) => lease.Name == "fan" ? Answer.Ok($$"""{"width":{{2 + lease.Attempt}}}""") : Answer.Ok($$"""{"attempt":{{lease.Attempt}}}""");

    private static async Task RestartAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: restart
            steps:
              start: {run: a, next: fan}
              fan: {run: b, next: {foreach: work, over: width}}
              work: {run: c, next: more}
              more: {run: d, next: gather}
              gather: {run: e, join: all, next: end}
              end: {run: f}
            """);
        await stage.StartAsync("restart");
        await stage.EndsAsync(RunStatus.Succeeded);
        await stage.CommandAsync(RunVerb.Retry, "more");
        await stage.EndsAsync(RunStatus.Succeeded);
        await stage.CommandAsync(RunVerb.Retry, "fan");
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Operators(Lease lease) => Of(lease) switch
    {
        "work[0] 0" => Answer.Hold,
        "work[1] 0" or "work[2] 0" => Answer.Exit(1),
        "pick 0" => Answer.Exit(2),
        _ => Answer.Ok(),
    };

    private static async Task OperatorsAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: operators
            steps:
              start: {run: a, next: {foreach: work, over: {range: 4}}}
              work: {run: b, retry: {max_attempts: 3, backoff: {initial: 1h, max: 1h}}, next: end}
              end: {run: c, join: {tolerate: 1}, next: pick}
              pick: {run: d, retry: {max_attempts: 2, backoff: {initial: 1h, max: 1h}}, next: {foreach: each, over: list}}
              each: {run: e, next: last}
              last: {run: f, join: all}
            """);
        await stage.StartAsync("operators");
        await stage.SeenAsync<TaskFailed>(2);
        await stage.HeldAsync("work[0]");
        await stage.CommandAsync(TaskVerb.Kill, "work", 2, 0);
        await stage.SeenAsync<TaskFailed>(3);
        await stage.CommandAsync(TaskVerb.Retry, "work", 2, 1);
        await stage.CommandAsync(TaskVerb.Skip, "work", 2, 2, """{"skipped":true}""");
        await stage.SeenAsync<TaskFailed>(4);
        await stage.CommandAsync(TaskVerb.Skip, "pick", 1, 0, """{"list":["a","b"]}""");
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Schedule(Lease lease) => Answer.Hold;

    private static async Task ScheduleAsync(Stage stage)
    {
        const string Flow = """
            name: schedule
            parameters: {from: {default: ""}, until: {default: ""}, mode: {type: int, default: 1}}
            schedules:
              often: {every: 1s, overlap: cancel, parameters: {mode: 2}, interval_start: from, interval_end: until, tags: [often], priority: 3}
            """;
        const string Rest = """
              yearly: {cron: 30 2 1 1 *, timezone: Europe/Berlin, jitter: 1m, missed: 12h, overlap: queue_all, start: "2026-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z"}
            """;
        const string Steps = "\nsteps:\n  start: {run: a}\n";
        await stage.DeployAsync($"{Flow}\n{Rest}{Steps}");
        // The first makes room for the next.
        await stage.BeginsAsync("schedule");
        await stage.EndsAsync(RunStatus.Cancelled);
        await stage.CommandAsync(ScheduleVerb.Pause, "schedule", "often", "recorded");
        await stage.CommandAsync(ScheduleVerb.Resume, "schedule", "often");
        await stage.CommandAsync(ScheduleVerb.Pause, "schedule", "often");
        await stage.DeployAsync($"{Flow}{Steps}");
    }

    private static Answer Trigger(Lease lease) => Answer.Ok();

    private static async Task TriggerAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: source
            parameters: {day: {default: ""}}
            triggers:
              loaded: {event: loaded, where: {region: [eu, us], size: {ge: 3}}, map: {day: date}, tags: [often], priority: 3}
            steps:
              start: {run: a}
            """);
        await stage.DeployAsync("""
            name: trigger
            parameters: {from: {default: ""}, n: {type: int, default: 1}}
            triggers:
              after: {flow: source, map: {from: parameters.day}, parameters: {n: 2}}
              both: {all: [{event: loaded, map: {n: size}}, {flow: source, ends: [succeeded, failed]}], within: 1h}
              broken: {event: loaded, map: {n: region}}
            steps:
              start: {run: a}
            """);
        await stage.PublishAsync("loaded", """{"region":"eu","size":2}""");
        await stage.CommandTriggerAsync(ScheduleVerb.Pause, "trigger", "broken", "recorded");
        await stage.PublishAsync("loaded", """{"region":"eu","size":5,"date":"2026-11-27"}""");
        await stage.CommandTriggerAsync(ScheduleVerb.Resume, "trigger", "broken");
        await stage.BeginsAsync("trigger", runs: 2);
        await stage.EndsAsync(RunStatus.Succeeded);
        await stage.CommandDeadLettersAsync(DeadLetterVerb.Redrive);
        await stage.CommandDeadLettersAsync(DeadLetterVerb.Dismiss);
    }

    private static Answer Backfill(Lease lease) => Answer.Hold;

    private static async Task BackfillAsync(Stage stage)
    {
        const string Flow = """
            name: backfill
            parameters: {from: {default: ""}, mode: {type: int, default: 1}}
            schedules:
              yearly: {cron: 30 2 1 1 *, timezone: Europe/Berlin, parameters: {mode: 2}, interval_start: from}
            steps:
              start: {run: a}
            """;
        await stage.DeployAsync(Flow);
        await stage.BackfillAsync("one", "backfill", "yearly", 2000, 2005, parallel: 2);
        await stage.BeginsAsync("backfill", runs: 2);
        await stage.CommandAsync(BackfillVerb.Pause, "one", "recorded");
        await stage.DeployAsync(Flow + "\ntimeout: 1h\n");
        await stage.CommandAsync(BackfillVerb.Resume, "one");
        await stage.CommandAsync(BackfillVerb.Cancel, "one", "recorded", runs: true);
        await stage.EndsAsync(RunStatus.Cancelled);
        await stage.BackfillIsAsync("one", BackfillState.Cancelled);
        // What was cancelled is run again, by a run of the backfill's own; what was never run, by the schedule's.
        await stage.BackfillAsync("two", "backfill", "yearly", 2000, 2004, parallel: 4, BackfillRerun.Failed);
        await stage.BeginsAsync("backfill", runs: 6);
        await stage.CommandAsync(BackfillVerb.Cancel, "two", null, runs: true);
        await stage.BackfillIsAsync("two", BackfillState.Cancelled);
        await stage.BackfillAsync("three", "backfill", "yearly", 2003, 2004, parallel: 1, BackfillRerun.All);
        await stage.BeginsAsync("backfill", runs: 7);
        await stage.DeleteAsync("backfill");
        await stage.BackfillIsAsync("three", BackfillState.Cancelling);
    }

    private static Answer Notify(Lease lease) => Answer.Hold;

    private static async Task NotifyAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: notify
            notify:
              - {on: [cancelled, skipped], to: [ops, away, nobody], title: "{{ flow }}"}
              - {on: late, within: 1s, to: ops}
              - {on: [late, succeeded], within: 1h, to: nobody, text: "{{ run }}"}
            schedules:
              often: {every: 1s, overlap: skip}
            triggers:
              both: {all: [x, y]}
            steps:
              start: {run: a}
            """);
        await stage.BeginsAsync("notify");
        await stage.NoticedAsync(NoticeKind.Late);
        // So many that the schedule, and the trigger, are carried on.
        for (var i = 0; i < 10; i++) await stage.PublishAsync("x", "{}");
        await stage.NoticedAsync(NoticeKind.Skipped, times: 10);
        await stage.CommandAsync(ScheduleVerb.Pause, "notify", "often");
        await stage.CommandAsync(RunVerb.Cancel);
        await stage.EndsAsync(RunStatus.Cancelled);
        await stage.NoticedAsync(NoticeKind.Cancelled);
        await stage.CommandNoticesAsync(DeadLetterVerb.Redrive);
        await stage.CommandNoticesAsync(DeadLetterVerb.Dismiss);
    }

    private static Answer Delete(Lease lease) => lease.Name == "work[1]" ? Answer.Hold : Answer.Ok();

    private static async Task DeleteAsync(Stage stage)
    {
        const string Flow = """
            name: delete
            steps:
              start: {run: a, next: {foreach: work, over: {range: 3}}}
              work: {run: b, next: end}
              end: {run: c, join: all}
            """;
        await stage.DeployAsync(Flow);
        await stage.DeployAsync(Flow + "\ntimeout: 1h\n");
        await stage.StartAsync("delete");
        await stage.HeldAsync("work[1]");
        await stage.DeleteAsync("delete");
        stage.Worker.Settle("work[1]", Answer.Ok());
        await stage.EndsAsync(RunStatus.Succeeded);
        // Under the same name and with the same spec, and so deleted again; then another, which is there at the end.
        await stage.DeployAsync(Flow);
        await stage.DeleteAsync("delete");
        await stage.DeployAsync(Flow + "\ntimeout: 2h\n");
    }

    private static Answer Gang(Lease lease) => Of(lease) switch
    {
        "work[0] 0" or "work[2] 1" => Answer.Hold,
        _ => Answer.Ok("""{"n":1}"""),
    };

    private static async Task GangAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: gang
            steps:
              start: {run: a, next: {foreach: work, over: {range: 3}}}
              work: {run: b, gang: true, warm: [server, --port, "0"], next: each, retry: {max_attempts: 2, backoff: {initial: 10ms}}}
              each: {run: c, next: end}
              end: {run: d, join: all}
            """);
        await stage.StartAsync("gang");
        await stage.HeldAsync("work[0]");
        // One fails, and what the others had done is to be done again; then one is lost, and all start once more.
        stage.Worker.Settle("work[0]", Answer.Exit(1));
        await stage.HeldAsync("work[2]");
        stage.Worker.Settle("work[2]", Answer.Lost("the machine went away"));
        await stage.EndsAsync(RunStatus.Succeeded);
    }
}
