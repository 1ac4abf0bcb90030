using Fanfare.Contracts;

namespace Fanfare.Replay.Recording;

/// <summary>What fixtures are recorded of: how the attempts end, and what else is done to the run.</summary>
internal static partial class Scenarios
{
    public delegate Task Play(Stage stage);

    public static readonly Dictionary<string, (Func<Lease, Answer> Script, Play Play)> All = new()
    {
        ["linear"] = (Linear, LinearAsync),
        ["foreach"] = (Foreach, ForeachAsync),
        ["foreach-file"] = (ForeachFile, ForeachFileAsync),
        ["nested"] = (Nested, NestedAsync),
        ["loop"] = (Loop, LoopAsync),
        ["join-any"] = (JoinAny, JoinAnyAsync),
        ["join-tolerate"] = (JoinTolerate, JoinTolerateAsync),
        ["join-broken"] = (JoinBroken, JoinBrokenAsync),
        ["catch"] = (Catch, CatchAsync),
        ["retry"] = (Retry, RetryAsync),
        ["losses"] = (Losses, LossesAsync),
        ["cancel"] = (Cancel, CancelAsync),
        ["cancel-handler"] = (CancelHandler, CancelHandlerAsync),
        ["pause"] = (Pause, PauseAsync),
        ["pause-opening"] = (PauseOpening, PauseOpeningAsync),
        ["run-retry"] = (RunRetry, RunRetryAsync),
        ["restart"] = (Restart, RestartAsync),
        ["operators"] = (Operators, OperatorsAsync),
        ["timeout"] = (Timeout, TimeoutAsync),
        ["refused"] = (Refused, RefusedAsync),
        ["delete"] = (Delete, DeleteAsync),
        ["schedule"] = (Schedule, ScheduleAsync),
        ["trigger"] = (Trigger, TriggerAsync),
        ["backfill"] = (Backfill, BackfillAsync),
        ["gang"] = (Gang, GangAsync),
        ["notify"] = (Notify, NotifyAsync),
        ["pool"] = (Pool, PoolAsync),
    };

    // Which attempt of which task: "train[3] 0".
    private static string Of(Lease lease) => $"{lease.Name} {lease.Attempt}";

    private static Answer Linear(Lease lease) => Of(lease) switch
    {
        "start 0" => Answer.Ok("""{"n":1,"text":"äöü \"quoted\" <&>"}""") with { Artifacts = [new Artifact("out/points.csv", 4575)] },
        "middle 0" => Answer.Ok("""{"n":2}"""),
        _ => Answer.Ok(),
    };

    private static async Task LinearAsync(Stage stage)
    {
        const string Flow = """
            name: linear
            description: Three steps
            tags: [nightly]
            parameters:
              top: {type: int, default: 5}
              grid: {type: json, default: {rate: [0.1, 1]}}
              token: {sensitive: true, default: {secret: api_token}}
            steps:
              start: {run: [first, --fast], next: middle, env: {MODE: fast, TOKEN: {secret: api_token}}, resources: {cpu: 0.5, memory: 1GiB}}
              middle: {run: second, next: last, timeout: 1h, queue: big, priority: 3}
              last: {run: third, max_parallel: 2}
            """;
        await stage.DeployAsync(Flow, new string('a', 64));
        await stage.DeployAsync(Flow + "\ntimeout: 2h\n", new string('b', 64));
        await stage.StartAsync("linear", """{"top": 7}""", deployment: 1, key: "monday", tags: ["manual"]);
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Foreach(Lease lease) => lease.Task.Step.Step switch
    {
        "start" => Answer.Ok("""{"files":["a","b",{"c":1},null]}"""),
        "gather" => Answer.Ok("""{"count":0}"""),
        "read" or "parse" => Answer.Ok($$"""{"item":{{lease.Item}}}"""),
        _ => Answer.Ok(),
    };

    private static async Task ForeachAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: foreach
            parameters: {n: {type: int, default: 3}}
            steps:
              start: {run: a, next: {foreach: read, over: files}}
              read: {run: b, next: parse, max_parallel: 2}
              parse: {run: c, next: gather}
              gather: {run: d, join: all, next: {foreach: none, over: {output: count}}}
              none: {run: e, next: empty}
              empty: {run: f, join: all, next: {foreach: each, over: {range: {parameter: n}}}}
              each: {run: g, next: each_join}
              each_join: {run: h, join: all, next: {foreach: down, over: {range: [10, 0, -4]}}}
              down: {run: i, next: end}
              end: {run: j, join: all}
            """);
        await stage.StartAsync("foreach");
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer ForeachFile(Lease lease) => lease.Task.Step.Step == "start"
        ? Answer.Ok() with { Items = new FileItems("lists/items.jsonl", "lists/items.index", 2), Count = 3 }
        : Answer.Ok($$"""{"item":{{lease.Item ?? "null"}}}""");

    private static async Task ForeachFileAsync(Stage stage)
    {
        using var lines = new MemoryStream("1\n\"two\"\n3\n"u8.ToArray());
        using var index = new MemoryStream([.. BitConverter.GetBytes(0L), .. BitConverter.GetBytes(8L)]);
        await stage.Blobs.PutAsync("lists/items.jsonl", lines, default);
        await stage.Blobs.PutAsync("lists/items.index", index, default);
        await stage.DeployAsync("""
            name: foreach-file
            steps:
              start: {run: a, next: {foreach: line, over: {file: items.jsonl}}}
              line: {run: b, next: end}
              end: {run: c, join: all}
            """);
        await stage.StartAsync("foreach-file");
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Nested(Lease lease) => Of(lease) switch
    {
        "outer[0] 0" => Answer.Ok("""{"width":["x","y"]}"""),
        "outer[1] 0" => Answer.Ok("""{"width":1}"""),
        _ => Answer.Ok($$"""{"task":"{{lease.Name}}"}"""),
    };

    private static async Task NestedAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: nested
            steps:
              start: {run: a, next: {foreach: outer, over: {range: 2}}}
              outer: {run: b, next: {foreach: inner, over: width}}
              inner: {run: c, next: [left, right]}
              left: {run: d, next: meet}
              right: {run: e, next: meet}
              meet: {run: f, join: all, next: inner_join}
              inner_join: {run: g, join: all, next: outer_join}
              outer_join: {run: h, join: all, next: [one, two]}
              one: {run: i, next: end}
              two: {run: j, next: end}
              end: {run: k, join: all}
            """);
        await stage.StartAsync("nested");
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Loop(Lease lease) => Of(lease) switch
    {
        "check 0" or "check#1 0" => Answer.Ok("""{"verdict":"again"}"""),
        "check#2 0" => Answer.Ok("""{"verdict":"good"}"""),
        "judge[0]#2.0 0" => Answer.Ok("""{"ok":true}"""),
        _ when lease.Task.Step.Step == "judge" => Answer.Ok("""{"ok":false}"""),
        _ => Answer.Ok(),
    };

    private static async Task LoopAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: loop
            steps:
              start: {run: a, next: train}
              train: {run: b, next: check}
              check: {run: c, next: {switch: verdict, cases: {again: train, good: spread}, default: spread, max_loops: 3}}
              spread: {run: d, next: {foreach: attempt, over: {range: 2}}}
              attempt: {run: e, next: judge}
              judge: {run: f, next: {switch: ok, cases: {"false": attempt, "true": end}, max_loops: 1}}
              end: {run: g, join: {tolerate: 1}}
            """);
        await stage.StartAsync("loop");
        await stage.EndsAsync(RunStatus.Succeeded);
    }

    private static Answer Catch(Lease lease) => lease.Task.Step.Step switch
    {
        "start" or "check" => Answer.Exit(3),
        _ => Answer.Ok(),
    };

    private static async Task CatchAsync(Stage stage)
    {
        await stage.DeployAsync("""
            name: catch
            steps:
              start: {run: a, catch: true, next: check}
              check: {run: b, catch: {output: problem}, retry: {max_attempts: 2, backoff: {initial: 1ms}}, next: {switch: verdict, cases: {good: well}, default: badly}}
              well: {run: c, next: end}
              badly: {run: d, next: end}
              end: {run: e}
            """);
        await stage.StartAsync("catch");
        await stage.EndsAsync(RunStatus.Succeeded);
    }
}
