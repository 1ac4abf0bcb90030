using Fanfare.Specs;
using Fanfare.Specs.Reading;

namespace Fanfare.Specs.Tests;

public sealed class ReaderErrorTests
{
    private const string Head = "name: x\nparameters: {n: {type: int}, s: {}}\nsteps:\n  start:\n    run: a\n";

    /// <summary>The rule in words, the fields of step 'start' (from line 6), and where and how its breach is told.</summary>
    public static TheoryData<string, string, int, string, string, string> WrongSteps => new()
    {
        { "unknown fields are suggested", "retrys: 3", 6, "steps.start.retrys", "no field of a step", "Did you mean 'retry'?" },
        { "unknown fields without a likeness list what there is", "colour: red", 6, "steps.start.colour", "no field of a step", "description, run, env" },
        { "unknown fields inside are found", "retry: {max_atempts: 3}", 6, "steps.start.retry.max_atempts", "no field of a retry", "'max_attempts'" },
        { "unknown fields of a backoff are found", "retry:\n      backoff:\n        inital: 1s", 8, "steps.start.retry.backoff.inital", "no field of a backoff", "'initial'" },
        { "keys stand once", "queue: a\n    queue: b", 7, "steps.start.queue", "stands here again, after line 6", "Remove one" },
        { "image is reserved", "image: python", 6, "steps.start.image", "not supported yet: tasks run as processes", "Remove 'image'" },
        { "wait is reserved", "wait: 5m", 6, "steps.start.wait", "not supported yet: no step waits", "Remove 'wait'" },
        { "flow is reserved", "flow: other", 6, "steps.start.flow", "not supported yet: a step cannot run another flow", "Remove 'flow'" },
        { "a fork server is a list", "warm: python3 server.py", 6, "steps.start.warm", "a list of words", "Give" },
        { "a fork server has a program", "warm: []", 6, "steps.start.warm", "empty list", "Name the program" },
        { "env is a mapping", "env: [A=b]", 6, "steps.start.env", "must be a mapping of variables", "Give a mapping" },
        { "variables have names", "env: {a-b: c}", 6, "steps.start.env.a-b", "no name of an environment variable", "Rename" },
        { "variables of the worker are reserved", "env: {FANFARE_RUN: c}", 6, "steps.start.env.FANFARE_RUN", "reserved", "Rename" },
        { "variables have values", "env: {A: }", 6, "steps.start.env.A", "has no value", "\"\" for an empty value" },
        { "variables are texts or secrets", "env: {A: [b]}", 6, "steps.start.env.A", "must be a text or {secret: name}", "Give" },
        { "variables hold no NUL", "env: {A: \"\\0\"}", 6, "steps.start.env.A", "NUL", "Remove it" },
        { "secrets have names", "env: {A: {secret: a b}}", 6, "steps.start.env.A.secret", "no valid name of a secret", "form" },
        { "a secret is named", "env: {A: {}}", 6, "steps.start.env.A.secret", "required", "Name the secret" },
        { "a working directory is relative", "workdir: /tmp", 6, "steps.start.workdir", "relative path", "below that directory" },
        { "a working directory does not lead out", "workdir: a/../../b", 6, "steps.start.workdir", "relative path", "below that directory" },
        { "cpu is a number", "resources: {cpu: two}", 6, "steps.start.resources.cpu", "must be a number from 0 to 4096", "without quotes" },
        { "cpu is unquoted", "resources: {cpu: \"2\"}", 6, "steps.start.resources.cpu", "must be a number", "without quotes" },
        { "memory has a known unit", "resources: {memory: 4Gi}", 6, "steps.start.resources.memory", "must be a size", "GiB" },
        { "memory is bounded", "resources: {memory: 99999999TiB}", 6, "steps.start.resources.memory", "must be a size", "GiB" },
        { "gpus are whole", "resources: {gpu: 0.5}", 6, "steps.start.resources.gpu", "an integer from 0 to 1024", "that range" },
        { "resources is a mapping", "resources: big", 6, "steps.start.resources", "a mapping that describes resources", "cpu, memory" },
        { "queues have names", "queue: a b", 6, "steps.start.queue", "no valid name of a queue", "form" },
        { "timeouts have units", "timeout: 10", 6, "steps.start.timeout", "a duration like", "with its unit" },
        { "timeouts are positive", "timeout: 0s", 6, "steps.start.timeout", "from 1ms", "with its unit" },
        { "timeouts are bounded", "timeout: 9999999d", 6, "steps.start.timeout", "to 3650d", "with its unit" },
        { "units go from long to short", "timeout: 1m1h", 6, "steps.start.timeout", "a duration like", "with its unit" },
        { "a grace is a duration", "grace: soon", 6, "steps.start.grace", "a duration like", "with its unit" },
        { "attempts are 1 or more", "retry: 0", 6, "steps.start.retry", "an integer from 1 to 1000", "that range" },
        { "losses are 0 or more", "retry: {max_losses: -1}", 6, "steps.start.retry.max_losses", "an integer from 0", "that range" },
        { "a retry is a number or a mapping", "retry: [3]", 6, "steps.start.retry", "a mapping that describes a retry", "max_attempts" },
        { "exit codes are a list", "retry: {exit_codes: 1}", 6, "steps.start.retry.exit_codes", "a list of exit codes", "Give" },
        { "exit codes are not none", "retry: {exit_codes: []}", 6, "steps.start.retry.exit_codes", "nothing would be retried", "remove 'exit_codes'" },
        { "success is not retried", "retry: {exit_codes: [1, 0]}", 6, "steps.start.retry.exit_codes[1]", "from 1 to 255", "that range" },
        { "a factor does not shrink", "retry: {backoff: {factor: 0.5}}", 6, "steps.start.retry.backoff.factor", "from 1 to 100", "that range" },
        { "jitter is a share", "retry: {backoff: {jitter: 1.5}}", 6, "steps.start.retry.backoff.jitter", "from 0 to 1", "that range" },
        { "a catch is a bool or an output", "catch: yes", 6, "steps.start.catch", "true, false or {output: name}", "catch: true" },
        { "priorities are bounded", "priority: 101", 6, "steps.start.priority", "from -100 to 100", "that range" },
        { "a gang is one or not", "gang: 4", 6, "steps.start.gang", "must be true or false", "without quotes" },
        { "some task runs", "max_parallel: 0", 6, "steps.start.max_parallel", "an integer from 1", "that range" },
        { "joins are known", "join: most", 6, "steps.start.join", "must be 'all', {any: n} or {tolerate: k}", "join: all" },
        { "a join has one policy", "join: {any: 1, tolerate: 1}", 6, "steps.start.join", "exactly one of them", "Keep one" },
        { "any waits for one or more", "join: {any: 0}", 6, "steps.start.join.any", "an integer from 1", "that range" },
        { "a next is known", "next: {to: b}", 6, "steps.start.next", "a step's name, a list of names", "Give one of these" },
        { "a foreach has a source", "next: {foreach: b}", 6, "steps.start.next.over", "required", "Say what to go over" },
        { "a foreach has a step", "next: {foreach: , over: x}", 6, "steps.start.next.foreach", "required", "Name the step" },
        { "a count is written as a range", "next: {foreach: b, over: 10}", 6, "steps.start.next.over", "must be the name of an output", "{range: 10}" },
        { "a list is put out", "next: {foreach: b, over: [1, 2]}", 6, "steps.start.next.over", "must be the name of an output", "put the list out" },
        { "a foreach has one source", "next: {foreach: b, over: {output: a, file: b}}", 6, "steps.start.next.over", "exactly one of output, range, file", "Keep one" },
        { "a file is relative", "next: {foreach: b, over: {file: /b}}", 6, "steps.start.next.over.file", "relative path", "below that directory" },
        { "a range has two or three numbers", "next: {foreach: b, over: {range: [1]}}", 6, "steps.start.next.over.range", "[start, stop, step]", "two or three" },
        { "a range is of integers", "next: {foreach: b, over: {range: [0, x]}}", 6, "steps.start.next.over.range[1]", "must be an integer", "that range" },
        { "a range names its parameter", "next: {foreach: b, over: {range: {param: n}}}", 6, "steps.start.next.over.range.parameter", "required", "int parameter" },
        { "a switch has cases", "next: {switch: o}", 6, "steps.start.next.cases", "required", "mapping of values to steps" },
        { "cases are a mapping", "next: {switch: o, cases: [b]}", 6, "steps.start.next.cases", "a mapping of the output's values", "Give" },
        { "cases lead to steps", "next: {switch: o, cases: {a: [b]}}", 6, "steps.start.next.cases.a", "the name of a step", "Give" },
        { "a bound is a number", "next: {switch: o, cases: {a: b}, max_loops: many}", 6, "steps.start.next.max_loops", "an integer from 1", "that range" },
        { "tags are refused", "queue: !!str a", 6, "steps.start.queue", "tag", "Remove the tag" },
        { "aliases are refused", "queue: *q", 6, "steps.start.queue", "alias '*q' is not supported", "Write the value out" },
        // Found by the graph, and given their lines here.
        { "a target exists", "next: nowhere", 6, "steps.start.next", "does not exist", "Add that step" },
        { "a branch exists", "next:\n      - start\n      - nowhere", 8, "steps.start.next[1]", "does not exist", "Add that step" },
        { "a case exists", "next:\n      switch: o\n      cases:\n        a: nowhere", 9, "steps.start.next.cases.a", "does not exist", "Add that step" },
        { "a default exists", "next: {switch: o, cases: {a: start},\n      default: nowhere, max_loops: 3}", 7, "steps.start.next.default", "does not exist", "Add that step" },
        { "a loop has a bound", "next: {switch: o, cases: {a: start}, default: end}\n  end: {run: a}", 6, "steps.start.next", "no 'max_loops'", "Set 'max_loops'" },
        { "a range's parameter exists", "next: {foreach: b, over: {range: {parameter: m}}}\n  b: {run: a, next: j}\n  j: {run: a, join: all}", 6, "steps.start.next.over.range", "does not have", "'n'" },
        { "a range's parameter is an int", "next: {foreach: b, over: {range: {parameter: s}}}\n  b: {run: a, next: j}\n  j: {run: a, join: all}", 6, "steps.start.next.over.range", "type is not int", "type int" },
        { "a step is reached", "next: end\n  end: {run: a}\n  lost: {run: a}", 8, "steps.lost", "not reached", "Lead to it" },
        { "a path reaches its join", "next: {foreach: b, over: x}\n  b: {run: a}", 7, "steps.b", "inside the foreach", "join: all" },
        { "branches meet in a join", "next: [b, c]\n  b: {run: a, next: d}\n  c: {run: a, next: d}\n  d: {run: a}", 9, "steps.d", "has no 'join'", "Set 'join: all'" },
    };

    [Theory, MemberData(nameof(WrongSteps))]
    public void WhatIsWrongWithAStep_IsToldWithPlaceAndRemedy(string rule, string fields, int line, string path, string message, string remedy) =>
        AssertTold(rule, $"{Head}    {fields}\n", line, path, message, remedy);

    public static TheoryData<string, string, int, string, string, string> WrongFlows => new()
    {
        { "a text is not empty", "", 1, "", "empty", "Write the flow" },
        { "a text is not only comments", "# nothing\n", 1, "", "empty", "Write the flow" },
        { "a flow is a mapping", "- a", 1, "", "must be a mapping that describes a flow", "name, description" },
        { "a flow has a name", "steps: {start: {run: a}}", 1, "name", "required", "Give the flow a name" },
        { "a flow has steps", "name: x", 1, "steps", "required", "mapping of names to steps" },
        { "a flow has a step", "name: x\nsteps: {}", 2, "steps", "no steps", "Add a step" },
        { "a flow is one document", "name: x\nsteps: {start: {run: a}}\n---\nname: y", 3, "", "second document", "file of its own" },
        { "a name is a name", "name: 1x\nsteps: {start: {run: a}}", 1, "name", "The flow's name '1x' is not valid", "form" },
        { "unknown fields are suggested", "name: x\nstep: {}\nsteps: {start: {run: a}}", 2, "step", "no field of a flow", "'steps'" },
        { "triggers are a mapping", "name: x\ntriggers: [a]\nsteps: {start: {run: a}}", 2, "triggers", "a mapping of names to triggers", "Give" },
        { "a trigger listens to something", "name: x\ntriggers: {a: {priority: 1}}\nsteps: {start: {run: a}}", 2, "triggers.a", "listens to nothing", "event" },
        { "a trigger listens one way", "name: x\ntriggers: {a: {event: b, all: [c]}}\nsteps: {start: {run: a}}", 2, "triggers.a", "event and all", "any" },
        { "a list of sources has their filters", "name: x\ntriggers: {a: {all: [b, c], where: {d: 1}}}\nsteps: {start: {run: a}}", 2, "triggers.a.where", "of one source", "all" },
        { "within is for all", "name: x\ntriggers: {a: {any: [b, c], within: 1h}}\nsteps: {start: {run: a}}", 2, "triggers.a.within", "the trigger needs one", "all" },
        { "an end is known", "name: x\ntriggers: {a: {flow: b, ends: fail}}\nsteps: {start: {run: a}}", 2, "triggers.a.ends", "succeeded, failed or cancelled", "Choose" },
        { "an event has no ends", "name: x\ntriggers: {a: {event: b, ends: failed}}\nsteps: {start: {run: a}}", 2, "triggers.a.ends", "Only a run ends", "flow" },
        { "a flow does not start itself", "name: x\ntriggers: {a: {flow: x}}\nsteps: {start: {run: a}}", 2, "triggers.a.flow", "start itself again", "another flow" },
        { "a test is known", "name: x\ntriggers: {a: {event: b, where: {c: {less: 3}}}}\nsteps: {start: {run: a}}", 2, "triggers.a.where.c.less", "no test", "" },
        { "a test has its kind of value", "name: x\ntriggers: {a: {event: b, where: {c: {lt: true}}}}\nsteps: {start: {run: a}}", 2, "triggers.a.where.c", "a number or a text", "Give" },
        { "a path has no empty parts", "name: x\ntriggers: {a: {event: b, where: {c..d: 1}}}\nsteps: {start: {run: a}}", 2, "triggers.a.where", "is no path", "form" },
        { "what is mapped exists", "name: x\nparameters: {day: {default: a}}\ntriggers: {a: {event: b, map: {dya: date}}}\nsteps: {start: {run: a}}", 3, "triggers.a.map.dya", "no parameter 'dya'", "day" },
        { "a secret is not mapped", "name: x\nparameters: {key: {sensitive: true}}\ntriggers: {a: {event: b, map: [key]}}\nsteps: {start: {run: a}}", 3, "triggers.a.map.key", "is sensitive", "secret" },
        { "rules are a list", "name: x\nnotify: {on: failed, to: a}\nsteps: {start: {run: a}}", 2, "notify", "a list of rules", "Give" },
        { "a rule is a mapping", "name: x\nnotify: [a]\nsteps: {start: {run: a}}", 2, "notify[0]", "a mapping that describes a rule", "on, to" },
        { "a rule is about something", "name: x\nnotify: [{to: a}]\nsteps: {start: {run: a}}", 2, "notify[0].on", "required", "Say of what" },
        { "a rule is about one thing at least", "name: x\nnotify: [{on: [], to: a}]\nsteps: {start: {run: a}}", 2, "notify[0].on", "about nothing", "Name" },
        { "a rule tells somebody", "name: x\nnotify: [{on: failed}]\nsteps: {start: {run: a}}", 2, "notify[0].to", "required", "Name a receiver" },
        { "a rule tells one at least", "name: x\nnotify: [{on: failed, to: []}]\nsteps: {start: {run: a}}", 2, "notify[0].to", "tells nobody", "Name a receiver" },
        { "outcomes are known", "name: x\nnotify: [{on: [failed, faild], to: a}]\nsteps: {start: {run: a}}", 2, "notify[0].on[1]", "one of succeeded, failed, cancelled, late, skipped", "'failed'" },
        { "receivers have names", "name: x\nnotify: [{on: failed, to: a b}]\nsteps: {start: {run: a}}", 2, "notify[0].to", "no valid name of a receiver", "form" },
        { "late has a time", "name: x\nnotify: [{on: late, to: a}]\nsteps: {start: {run: a}}", 2, "notify[0].on", "not said when a run is late", "within" },
        { "a time is of late", "name: x\nnotify: [{on: failed, to: a, within: 2h}]\nsteps: {start: {run: a}}", 2, "notify[0].within", "is not about that", "add 'late'" },
        { "a time is long enough", "name: x\nnotify: [{on: late, to: a, within: 0s}]\nsteps: {start: {run: a}}", 2, "notify[0].within", "a duration like", "with its unit" },
        { "a time is bounded", "name: x\nnotify: [{on: late, to: a, within: 400d}]\nsteps: {start: {run: a}}", 2, "notify[0].within", "at most 366 days", "2h" },
        { "only schedules skip", "name: x\nnotify: [{on: skipped, to: a}]\nsteps: {start: {run: a}}", 2, "notify[0].on", "the flow has none", "give the flow a schedule" },
        { "nobody is told twice in one rule", "name: x\nnotify: [{on: failed, to: [a, a]}]\nsteps: {start: {run: a}}", 2, "notify[0]", "'a' is told of 'failed' twice", "once" },
        { "nobody is told twice in two rules", "name: x\nnotify: [{on: failed, to: a}, {on: [cancelled, failed], to: [b, a]}]\nsteps: {start: {run: a}}", 2, "notify[1]", "'a' is told of 'failed' twice", "once" },
        { "a title is a template", "name: x\nnotify: [{on: failed, to: a, title: \"{{ flow\"}]\nsteps: {start: {run: a}}", 2, "notify[0].title", "End of tag '}}' was expected, in line 1, column", "Mend" },
        { "a text's names exist", "name: x\nnotify: [{on: failed, to: a, text: \"{{ erorr.message }}\"}]\nsteps: {start: {run: a}}", 2, "notify[0].text", "Nothing is called 'erorr'", "'error'" },
        { "unknown fields of a rule are suggested", "name: x\nnotify: [{on: failed, to: a, titel: b}]\nsteps: {start: {run: a}}", 2, "notify[0].titel", "no field of a rule", "'title'" },
        { "rules are few", $"name: x\nnotify: [{string.Join(", ", Enumerable.Range(0, 21).Select(i => $"{{on: failed, to: r{i}}}"))}]\nsteps: {{start: {{run: a}}}}", 2, "notify", "21 rules", "take lists" },
        { "receivers of a rule are few", $"name: x\nnotify: [{{on: failed, to: [{string.Join(", ", Enumerable.Range(0, 11).Select(i => $"r{i}"))}]}}]\nsteps: {{start: {{run: a}}}}", 2, "notify[0].to", "1 to 10", "several rules" },
        { "a trigger gives what is required", "name: x\nparameters: {n: {type: int}}\ntriggers: {a: {event: b}}\nsteps: {start: {run: a}}", 3, "triggers.a.parameters.n", "is missing", "Give" },
        { "each of several sources gives what is required", "name: x\nparameters: {n: {type: int}}\ntriggers: {a: {any: [{event: b, map: [n]}, c]}}\nsteps: {start: {run: a}}", 3, "triggers.a.parameters.n", "is missing", "Give" },
        { "schedules are a mapping", "name: x\nschedules: [a]\nsteps: {start: {run: a}}", 2, "schedules", "a mapping of names to schedules", "Give" },
        { "schedules have names", "name: x\nschedules: {1a: {every: 1m}}\nsteps: {start: {run: a}}", 2, "schedules.1a", "no valid name of a schedule", "form" },
        { "a schedule has times", "name: x\nschedules: {a: {priority: 1}}\nsteps: {start: {run: a}}", 2, "schedules.a.cron", "when the schedule is due", "every" },
        { "a schedule has one kind of times", "name: x\nschedules: {a: {cron: 0 0 * * *, every: 1h}}\nsteps: {start: {run: a}}", 2, "schedules.a.every", "either 'cron' or 'every'", "out" },
        { "an expression has its fields", "name: x\nschedules: {a: {cron: 61 0 * * *}}\nsteps: {start: {run: a}}", 2, "schedules.a.cron", "61", "" },
        { "a time zone exists", "name: x\nschedules: {a: {every: 1h, timezone: Europe/Berlim}}\nsteps: {start: {run: a}}", 2, "schedules.a.timezone", "no time zone 'Europe/Berlim'", "Europe/Berlin" },
        { "an overlap is known", "name: x\nschedules: {a: {every: 1h, overlap: queue}}\nsteps: {start: {run: a}}", 2, "schedules.a.overlap", "one of allow, skip", "" },
        { "what is missed is known", "name: x\nschedules: {a: {every: 1h, missed: some}}\nsteps: {start: {run: a}}", 2, "schedules.a.missed", "none, last, all", "Choose" },
        { "what is made up for is not left out again", "name: x\nschedules: {a: {every: 1h, missed: all, overlap: skip}}\nsteps: {start: {run: a}}", 2, "schedules.a.overlap", "left out again", "queue_all" },
        { "a time has an offset", "name: x\nschedules: {a: {every: 1h, start: \"2026-11-27 06:00\"}}\nsteps: {start: {run: a}}", 2, "schedules.a.start", "a time like", "offset" },
        { "a schedule's parameters exist", "name: x\nschedules: {a: {every: 1h, parameters: {n: 1}}}\nsteps: {start: {run: a}}", 2, "schedules.a.parameters.n", "n", "" },
        { "a schedule gives what is required", "name: x\nparameters: {n: {type: int}}\nschedules: {a: {every: 1h}}\nsteps: {start: {run: a}}", 3, "schedules.a.parameters.n", "is missing", "Give" },
        { "an interval goes to a text", "name: x\nparameters: {n: {type: int, default: 1}}\nschedules: {a: {every: 1h, interval_end: n}}\nsteps: {start: {run: a}}", 3, "schedules.a.interval_end", "no parameter 'n' of type string", "Add it" },
        { "the start exists", "name: x\nstart: begin\nsteps: {go: {run: a}}", 2, "start", "does not exist", "'start'" },
        { "a step runs something", "name: x\nsteps:\n  start: {queue: a}", 3, "steps.start.run", "required", "command" },
        { "a step is a mapping", "name: x\nsteps:\n  start:", 3, "steps.start", "must be a mapping that describes a step", "run" },
        { "a command is not empty", "name: x\nsteps:\n  start: {run: []}", 3, "steps.start.run", "empty list", "Name the program" },
        { "a command is not nothing", "name: x\nsteps:\n  start: {run: \"\"}", 3, "steps.start.run", "or a shell string", "Give" },
        { "an argument is a text", "name: x\nsteps:\n  start: {run: [a, [b]]}", 3, "steps.start.run[1]", "an argument of the command", "Give" },
        { "an argument is something", "name: x\nsteps:\n  start: {run: [a, ~]}", 3, "steps.start.run[1]", "nothing", "Quote it" },
        { "tags are a list", "name: x\ntags: a\nsteps: {start: {run: a}}", 2, "tags", "a list of tags", "Give" },
        { "tags stand once", "name: x\ntags: [a, a]\nsteps: {start: {run: a}}", 2, "tags[1]", "stands here again", "Remove one" },
        { "tags are short", $"name: x\ntags: [{new string('t', 129)}]\nsteps: {{start: {{run: a}}}}", 2, "tags[0]", "1 to 128 characters", "shorter" },
        { "tags are few", $"name: x\ntags: [{string.Join(", ", Enumerable.Range(0, 65))}]\nsteps: {{start: {{run: a}}}}", 2, "tags", "more than 64 tags", "Remove some" },
        { "handlers exist", "name: x\nsteps: {start: {run: a}}\nfinally: [clean]", 3, "finally[0]", "does not exist", "Add that step" },
        { "a handler without a list exists", "name: x\nsteps: {start: {run: a}}\non_failure: tell", 3, "on_failure[0]", "does not exist", "Add that step" },
        { "handlers lead nowhere", "name: x\nfinally: b\nsteps:\n  start: {run: a}\n  b: {run: a, next: start}", 5, "steps.b.next", "one after another", "Remove 'next'" },
        { "types are known", "name: x\nparameters:\n  p: {type: integer}\nsteps: {start: {run: a}}", 3, "parameters.p.type", "string, int, float, bool or json", "Choose" },
        { "types are suggested", "name: x\nparameters:\n  p: {type: boo}\nsteps: {start: {run: a}}", 3, "parameters.p.type", "string, int, float, bool or json", "'bool'" },
        { "a parameter is a mapping", "name: x\nparameters:\n  p: 5\nsteps: {start: {run: a}}", 3, "parameters.p", "a mapping that describes a parameter", "type, default" },
        { "a default fits its type", "name: x\nparameters:\n  p: {type: int, default: five}\nsteps: {start: {run: a}}", 3, "parameters.p.default", "its type is int", "an integer" },
        { "a default is a finite number", "name: x\nparameters:\n  p: {type: float, default: 1e999}\nsteps: {start: {run: a}}", 3, "parameters.p.default", "its type is float", "finite" },
        { "a required parameter has no default", "name: x\nparameters:\n  p: {required: true, default: a}\nsteps: {start: {run: a}}", 3, "parameters.p.required", "has a default", "Remove" },
        { "a parameter that is not required has a default", "name: x\nparameters:\n  p: {required: false}\nsteps: {start: {run: a}}", 3, "parameters.p.required", "has no default", "Give a default" },
        { "a sensitive parameter is a text", "name: x\nparameters:\n  p: {type: int, sensitive: true}\nsteps: {start: {run: a}}", 3, "parameters.p", "not of type string", "Use type string" },
        { "a sensitive default is no value", "name: x\nparameters:\n  p: {sensitive: true, default: hunter2}\nsteps: {start: {run: a}}", 3, "parameters.p.default", "history for ever", "{\"secret\": \"name\"}" },
        { "parameters do not share a variable", "name: x\nparameters:\n  a-b: {}\n  A_B: {}\nsteps: {start: {run: a}}", 4, "parameters.A_B", "FANFARE_PARAM_A_B", "Rename" },
        { "a tab does not indent", "name: x\nsteps:\n  start:\n\trun: a", 4, "", "A tab indents this line", "spaces" },
        { "brackets are closed", "name: x\nsteps: {start: {run: [a}}", 2, "", "not valid YAML or JSON", "Mend" },
        { "keys are words", "name: x\nsteps: {start: {run: a, [b]: c}}", 2, "steps.start.?", "A key is a list", "word" },
    };

    [Theory, MemberData(nameof(WrongFlows))]
    public void WhatIsWrongWithAFlow_IsToldWithPlaceAndRemedy(string rule, string text, int line, string path, string message, string remedy) =>
        AssertTold(rule, text, line, path, message, remedy);

    [Fact]
    public void AnErrorNamesItsColumn()
    {
        var error = Assert.Single(FlowSpecReader.Read("name: x\nsteps:\n  start: {run: a, priority: high}").Errors);

        Assert.Equal((3, 29), (error.Line, error.Column));
    }

    [Fact]
    public void AllErrorsComeAtOnce_InTheOrderOfTheText_WithThoseOfTheGraph()
    {
        var errors = FlowSpecReader.Read("nam: x\ntimeout: 5\nsteps:\n  start: {rnu: a, next: nowhere}\n  lost: {run: a}\n").Errors;

        Assert.Equal(
            [(1, "nam"), (1, "name"), (2, "timeout"), (4, "steps.start.run"), (4, "steps.start.rnu"), (4, "steps.start.next"), (5, "steps.lost")],
            errors.Select(e => (e.Line, e.Path)));
    }

    [Fact]
    public void WhileATransitionCannotBeRead_TheGraphIsNotComplainedAbout()
    {
        var error = Assert.Single(FlowSpecReader.Read("name: x\nsteps:\n  start: {run: a, next: {to: b}}\n  b: {run: a}\n").Errors);

        Assert.Equal("steps.start.next", error.Path);
    }

    [Fact]
    public void EveryReservedField_IsNoFieldOfAStep() => Assert.Empty(FieldNames.Reserved.Keys.Intersect(FieldNames.Step));

    private static void AssertTold(string rule, string text, int line, string path, string message, string remedy)
    {
        var result = FlowSpecReader.Read(text);

        Assert.Null(result.Spec);
        Assert.Null(result.Graph);
        Assert.True(result.Errors.Any(e => e.Line == line && e.Column > 0 && e.Path == path
            && e.Message.Contains(message, StringComparison.Ordinal)
            && e.Remedy.Contains(remedy, StringComparison.Ordinal)), $"{rule}:{Environment.NewLine}{string.Join(Environment.NewLine, result.Errors)}");
    }
}
