using System.Globalization;

namespace Fanfare.Chaos.Workload;

/// <summary>The flows of a campaign: each way that flows have to split, join, loop and fail.</summary>
internal sealed class ChaosFlows(string script)
{
    private const string Backoff = "backoff: {initial: 200ms, factor: 2, max: 1s, jitter: 0.5}";

    public IReadOnlyList<ChaosFlow> All =>
    [
        Succeeding("chain", "last", _ => "7", _ => 4,
            Step("start", "put=1", "next: middle"), Step("middle", "put=2 flaky=1", "next: noted", attempts: 2),
            Step("noted", "put=3 note=7 sleep=0", "next: last"), Step("last", "put=note sleep=0")),
        Succeeding("wide", "last", n => Sum(n, i => $"{i}"), n => n + 2,
            Step("start", "put=0 sleep=0", "next: {foreach: work, over: {range: {parameter: n}}}"),
            Step("work", "put=split flaky=2 every=3", "next: last", attempts: 3), Step("last", "put=gather sleep=0", "join: all")),
        Succeeding("nested", "last", n => Sum(3, i => Sum(n, j => $"{i}.{j}")), n => 1 + 3 + (3 * n) + 3 + 1,
            Step("start", "put=0 sleep=0 items=3", "next: {foreach: outer, over: items}"),
            Step("outer", "put=0", "next: {foreach: inner, over: {range: {parameter: n}}}"), Step("inner", "put=split", "next: within"),
            Step("within", "put=gather sleep=0", "join: all, next: last"), Step("last", "put=gather sleep=0", "join: all")),
        Succeeding("long", "last", _ => Sum(2, i => $"{i}"), _ => 4,
            Step("start", "put=0 sleep=0", "next: {foreach: work, over: {range: 2}}"), Step("work", "put=split sleep=21", "next: last"),
            Step("last", "put=gather sleep=0", "join: all")),
        Succeeding("lines", "last", n => Sum(5, i => $"{i}"), _ => 7,
            Step("start", "put=0 sleep=0 lines=5", "next: {foreach: work, over: {file: items.jsonl}}"), Step("work", "put=split", "next: last"),
            Step("last", "put=gather sleep=0", "join: all")),
        Succeeding("branches", "last", n => $"({Sum(n, i => $"{i}")}+right)", n => n + 5,
            Step("start", "put=0 sleep=0", "next: [left, right]"), Step("left", "put=0", "next: {foreach: work, over: {range: {parameter: n}}}"),
            Step("work", "put=split", "next: gathered, max_parallel: 2"), Step("gathered", "put=gather sleep=0", "join: all, next: last"),
            Step("right", "put=right flaky=1", "next: last", attempts: 2), Step("last", "put=gather sleep=0", "join: all")),
        Succeeding("loop", "last#2", _ => "(round)", _ => 5,
            Step("start", "put=0 sleep=0", "next: round"),
            Step("round", "put=round rounds=2", "next: {switch: verdict, cases: {again: round, done: last}, max_loops: 5}"), Step("last", "put=gather sleep=0")),
        Succeeding("first", "last", _ => "enough", null,
            Step("start", "put=0 sleep=0", "next: {foreach: work, over: {range: 5}}"), Step("work", "put=split slow=4", "next: last"),
            Step("last", "put=atleast.2 sleep=0", "join: {any: 2}")),
        Succeeding("tolerant", "last", n => n < 2 ? Sum(n, i => $"{i}") : Sum(n, i => $"{i}", without: 1), n => n < 2 ? n + 2 : n + 1,
            Step("start", "put=0 sleep=0", "next: {foreach: work, over: {range: {parameter: n}}}"), Step("work", "put=split bad=1", "next: last", attempts: 2),
            Step("last", "put=gather sleep=0", "join: {tolerate: 1}")),
        Succeeding("caught", "last", _ => "exit", _ => 3,
            Step("start", "put=0 sleep=0", "next: work"), Step("work", "put=0 bad=all", "catch: true, next: last", attempts: 2), Step("last", "put=error sleep=0")),
        Succeeding("hasty", "last", _ => "(quick)", _ => 2,
            Step("start", "put=quick slow=60 sleep=0", "timeout: 2s, next: last", attempts: 2), Step("last", "put=gather sleep=0")),
        Failing("broken", "on_failure: tell\nfinally: clean\n",
            Step("start", "put=0 sleep=0", "next: work"), Step("work", "put=0 bad=all", attempts: 2), Step("tell", "put=0 sleep=0"), Step("clean", "put=0")),
        Failing("torn", "finally: clean\n",
            Step("start", "put=0 sleep=0", "next: {foreach: work, over: {range: 4}}"), Step("work", "put=split bad=2", "next: last"),
            Step("last", "put=gather", "join: all"), Step("clean", "put=0 sleep=0")),
    ];

    private static ChaosFlow Succeeding(string name, string ends, Func<int, string> output, Func<int, int>? tasks, params string[] steps) =>
        new(name, Source(name, "", steps), RunStatus.Succeeded, ends, output, tasks);

    private static ChaosFlow Failing(string name, string handlers, params string[] steps) => new(name, Source(name, handlers, steps), RunStatus.Failed, null, null, null);

    private static string Source(string name, string handlers, string[] steps) =>
        $"name: {name}\n{handlers}parameters: {{n: {{type: int, default: 3}}, nap: {{default: '0.1'}}}}\nsteps:\n{string.Join("", steps)}";

    // A loss never counts, so every flaky step has exactly the attempts that it needs.
    private string Step(string name, string settings, string rest = "", int attempts = 1)
    {
        var words = string.Join(", ", settings.Split(' ').Select(s => $"'{s}'"));
        var retry = string.Create(CultureInfo.InvariantCulture, $"retry: {{max_attempts: {attempts}, max_losses: 1000, {Backoff}}}");
        return $"  {name}: {{run: [sh, '{script}', {words}], resources: {{cpu: 0.25}}, grace: 500ms, {retry}{(rest.Length == 0 ? "" : ", " + rest)}}}\n";
    }

    private static string Sum(int count, Func<int, string> member, int? without = null) =>
        $"({string.Join('+', Enumerable.Range(0, count).Where(i => i != without).Select(member))})";
}
