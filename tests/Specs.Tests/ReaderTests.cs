using Fanfare.Contracts;
using Fanfare.Specs;

namespace Fanfare.Specs.Tests;

public sealed class ReaderTests
{
    internal const string Everything = """
        name: everything
        description: Every field there is.
        start: first
        parameters:
          top: {type: int, default: 5, help: How many.}
          rate: {type: float, default: .5}
          word: {default: 007}
          on: {type: bool, default: true}
          grid: {type: json, default: {lr: [0.1, 1], name: "x", none: ~}}
          given: {required: true}
          token: {sensitive: true, default: {secret: api_token}}
        tags: [nightly, "2"]
        timeout: 1h30m
        on_failure: notify
        finally: [cleanup]
        schedules:
          nightly:
            cron: 30 2 * * MON-FRI
            timezone: Europe/Berlin
            gap: skip
            repeat: second
            start: 2026-11-27T06:00:00+01:00
            end: 2027-11-27T06:00:00Z
            jitter: 5m
            missed: 6h
            parallel: 2
            queue: 7
            parameters: {top: 9, given: x, grid: [1, "2"]}
            interval_start: word
            priority: -3
            tags: [night]
          often: {every: 10m, overlap: last_only, missed: none, parameters: {given: y}}
          six: {cron: 0 10 * * ? *, parameters: {given: z}}
          daily: {cron: "@daily", dialect: unix, parameters: {given: z}, overlap: skip}
        notify:
          - {on: failed, to: ops}
          - on: [late, skipped]
            to: [ops, mail]
            within: 2h30m
            title: "{{ flow }}: {{ kind }}"
            text: |
              {% if run %}Run {{ run }} of {{ parameters.top }}{% endif %}
        steps:
          first:
            description: Lists.
            run: [python3, steps.py, 1]
            warm: [python3, server.py, ""]
            env: {MODE: fast, EMPTY: "", N: 1, TOKEN: {secret: api_token}}
            workdir: sub/dir
            resources: {cpu: 0.5, memory: 512MiB, gpu: 1, disk: 1GB}
            queue: big
            timeout: 10m
            grace: 500ms
            retry: {max_attempts: 3, max_losses: 7, backoff: {initial: 2s, factor: 1.5, max: 1m, jitter: 0}, exit_codes: [1, 75]}
            catch: {output: problem}
            priority: -5
            max_parallel: 10
            next: {foreach: body, over: packages}
          body:
            run: echo $FANFARE_TASK
            retry: 3
            catch: true
            next: join
          join:
            run: ["true"]
            join: {tolerate: 2}
            next: [left, right]
          left: {run: "true", next: both}
          right: {run: "true", next: both}
          both:
            run: "true"
            join: {any: 1}
            next: {switch: verdict, cases: {good: end, false: both2}, default: end}
          both2: {run: "true", next: {switch: again, cases: {true: both2}, default: end, max_loops: 2}}
          end: {run: "true",}
          notify: {run: "true"}
          cleanup: {run: "true"}
        """;

    [Fact]
    public void EveryFieldIsRead()
    {
        var spec = Spec(Everything);

        Assert.Equal(("everything", "Every field there is.", "first"), (spec.Name, spec.Description, spec.Start));
        Assert.Equal(["nightly", "2"], spec.Tags);
        Assert.Equal(TimeSpan.FromMinutes(90), spec.Timeout);
        Assert.Equal(["notify"], spec.OnFailure);
        Assert.Equal(["cleanup"], spec.Finally);
        var first = spec.Step("first")!;
        Assert.Equal(["python3", "steps.py", "1"], first.Run.Argv);
        Assert.Equal(["python3", "server.py", ""], first.Warm);
        Assert.Equal([new("MODE", "fast", null), new("EMPTY", "", null), new("N", "1", null), new("TOKEN", null, "api_token")], first.Env);
        Assert.Equal(("sub/dir", "big", -5, 10), (first.Workdir, first.Queue, first.Priority, first.MaxParallel));
        Assert.Equal(new ResourceSpec(0.5, 512 << 20, 1, 1_000_000_000), first.Resources);
        Assert.Equal((TimeSpan.FromMinutes(10), TimeSpan.FromMilliseconds(500)), (first.Timeout, first.Grace));
        Assert.Equal((3, 7, 1.5, 0.0), (first.Retry.MaxAttempts, first.Retry.MaxLosses, first.Retry.Factor, first.Retry.Jitter));
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromMinutes(1)), (first.Retry.InitialDelay, first.Retry.MaxDelay));
        Assert.Equal([1, 75], first.Retry.ExitCodes);
        Assert.Equal("problem", first.CatchOutput);
        Assert.Equal(new Foreach("body", new OverOutput("packages")), first.Next);
        var body = spec.Step("body")!;
        Assert.Equal(("echo $FANFARE_TASK", null, 3, "error"), (body.Run.Shell, body.Run.Argv, body.Retry.MaxAttempts, body.CatchOutput));
        Assert.Equal(new JoinSpec(JoinKind.Tolerate, 2), spec.Step("join")!.Join);
        Assert.Equal(new JoinSpec(JoinKind.Any, 1), spec.Step("both")!.Join);
        var verdict = Assert.IsType<Switch>(spec.Step("both")!.Next);
        Assert.Equal([new("good", "end"), new("false", "both2")], verdict.Cases);
        Assert.Equal(("verdict", "end"), (verdict.Output, verdict.Default));
        Assert.Equal(2, Assert.IsType<Switch>(spec.Step("both2")!.Next).MaxLoops);
    }

    [Fact]
    public void SchedulesAreRead_WithTheirDefaults()
    {
        var schedules = Spec(Everything).Schedules!.ToDictionary(schedule => schedule.Name);

        var nightly = schedules["nightly"];
        Assert.Equal(("30 2 * * MON-FRI", CronDialect.Unix, null, "Europe/Berlin"), (nightly.Cron, nightly.Dialect, nightly.Every, nightly.TimeZone));
        Assert.Equal((CronGap.Skip, CronRepeat.Second, TimeSpan.FromMinutes(5)), (nightly.Gap, nightly.Repeat, nightly.Jitter));
        Assert.Equal((new DateTimeOffset(2026, 11, 27, 5, 0, 0, TimeSpan.Zero), new DateTimeOffset(2027, 11, 27, 6, 0, 0, TimeSpan.Zero)), (nightly.Start!.Value, nightly.End!.Value));
        // What is made up for one by one waits in a queue, unless it may all start at once.
        Assert.Equal((MissedKind.Within, TimeSpan.FromHours(6), OverlapPolicy.QueueAll), (nightly.Missed, nightly.MissedWithin!.Value, nightly.Overlap));
        Assert.Equal((2, 7, -3, "word", null), (nightly.Parallel, nightly.Queue, nightly.Priority, nightly.IntervalStart, nightly.IntervalEnd));
        Assert.Equal("""{"top":9,"given":"x","grid":[1,"2"]}""", nightly.Parameters);
        Assert.Equal(["night"], nightly.Tags);
        var often = schedules["often"];
        Assert.Equal((null, TimeSpan.FromMinutes(10), OverlapPolicy.Cancel, MissedKind.None), (often.Cron, often.Every!.Value, often.Overlap, often.Missed));
        Assert.Equal(("0 10 * * ? *", CronDialect.EventBridge), (schedules["six"].Cron, schedules["six"].Dialect));
        Assert.Equal(("0 0 * * *", CronDialect.Unix, OverlapPolicy.Skip), (schedules["daily"].Cron, schedules["daily"].Dialect, schedules["daily"].Overlap));
        Assert.Equal(new ScheduleSpec { Name = "six", Cron = "0 10 * * ? *", Dialect = CronDialect.EventBridge, Parameters = """{"given":"z"}""", Tags = schedules["six"].Tags }, schedules["six"]);
    }

    [Fact]
    public void RulesOfWhoIsToldAreRead()
    {
        var rules = Spec(Everything).Notify!;

        Assert.Equal(2, rules.Count);
        Assert.Equal([NoticeKind.Failed], rules[0].On);
        Assert.Equal(["ops"], rules[0].To);
        Assert.Equal((null, null, null), (rules[0].Within, rules[0].Title, rules[0].Text));
        Assert.Equal([NoticeKind.Late, NoticeKind.Skipped], rules[1].On);
        Assert.Equal(["ops", "mail"], rules[1].To);
        Assert.Equal((new TimeSpan(2, 30, 0), "{{ flow }}: {{ kind }}", "{% if run %}Run {{ run }} of {{ parameters.top }}{% endif %}\n"), (rules[1].Within!.Value, rules[1].Title, rules[1].Text));
        Assert.Contains("""
            "notify":[{"on":["failed"],"to":["ops"]},{"on":["late","skipped"],"to":["ops","mail"],"within":
            """.Trim(), FlowSpecJson.Write(Spec(Everything)), StringComparison.Ordinal);
    }

    [Fact]
    public void DefaultsOfParametersAreJson_TypedByTheirType()
    {
        var defaults = Spec(Everything).Parameters.ToDictionary(p => p.Name, p => p.Default);

        Assert.Equal("5", defaults["top"]);
        Assert.Equal("0.5", defaults["rate"]);
        Assert.Equal("\"007\"", defaults["word"]);
        Assert.Equal("true", defaults["on"]);
        Assert.Equal("""{"lr":[0.1,1],"name":"x","none":null}""", defaults["grid"]);
        Assert.Null(defaults["given"]);
        Assert.Equal("""{"secret":"api_token"}""", defaults["token"]);
    }

    [Fact]
    public void AStepHasTheDocumentedDefaults()
    {
        var step = Spec("{name: x, steps: {start: {run: a}}}").Step("start")!;

        Assert.Equal(new StepSpec { Name = "start", Run = new CommandSpec(null, "a"), Env = step.Env }, step);
        Assert.Empty(step.Env);
        Assert.Equal((1, 20, TimeSpan.FromSeconds(10), "default"), (step.Retry.MaxAttempts, step.Retry.MaxLosses, step.Grace, step.Queue));
    }

    [Theory]
    [InlineData("over: items", "output items")]
    [InlineData("over: {output: items}", "output items")]
    [InlineData("over: {range: 10}", "range 0 10 1 ")]
    [InlineData("over: {range: [2, 10]}", "range 2 10 1 ")]
    [InlineData("over: {range: [10, 0, -2]}", "range 10 0 -2 ")]
    [InlineData("over: {range: {parameter: n}}", "range 0 0 1 n")]
    [InlineData("over: {file: out/items.jsonl}", "file out/items.jsonl")]
    public void AForeachGoesOverOutputsRangesAndFiles(string over, string expected)
    {
        var spec = Spec($"{{name: x, parameters: {{n: {{type: int}}}}, steps: {{start: {{run: a, next: {{foreach: b, {over}}}}}, b: {{run: a, next: j}}, j: {{run: a, join: all}}}}}}");

        Assert.Equal(expected, Assert.IsType<Foreach>(spec.Steps[0].Next).Over switch
        {
            OverOutput o => $"output {o.Output}",
            OverRange r => $"range {r.Start} {r.Stop} {r.Step} {r.StopParameter}",
            OverFile f => $"file {f.Path}",
            var other => other.ToString(),
        });
    }

    [Fact]
    public void JsonIsReadLikeYaml_TabsEscapesAndAll()
    {
        var spec = Spec("{\n\t\"name\": \"x\",\n\t\"description\": \"a\\/b \\u00e9 \\ud83d\\ude00 \\\"q\\\" \\n\",\n\t\"steps\": {\n\t\t\"start\": {\"run\": [\"echo\", \"\\t\"], \"next\": null}\n\t}\n}\n");

        Assert.Equal("a/b é 😀 \"q\" \n", spec.Description);
        Assert.Equal(["echo", "\t"], spec.Steps[0].Run.Argv);
    }

    [Fact]
    public void WhatWasRead_SurvivesItsCanonicalForm()
    {
        var spec = Spec(Everything);

        Assert.Equal(FlowSpecJson.Write(spec), FlowSpecJson.Write(FlowSpecJson.Read(FlowSpecJson.Write(spec))));
    }

    [Fact]
    public void AByteOrderMarkAndWindowsLinesAreFine() => Spec("\uFEFFname: x\r\nsteps:\r\n  start:\r\n    run: a\r\n");

    private static FlowSpec Spec(string text)
    {
        var result = FlowSpecReader.Read(text);
        Assert.True(result.Spec is not null, string.Join(Environment.NewLine, result.Errors));
        Assert.NotNull(result.Graph);
        Assert.Empty(result.Errors);
        return result.Spec;
    }
}
