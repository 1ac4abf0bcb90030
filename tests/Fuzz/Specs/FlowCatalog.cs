using Fanfare.Fuzz.Kernel;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fanfare.Fuzz.Specs;

/// <summary>Valid flows to start from: the repository's examples and flows that use every field.</summary>
internal static class FlowCatalog
{
    private const string Everything = """
        name: everything
        description: uses every field
        start: begin
        timeout: 1d
        tags: [nightly, a b]
        parameters:
          n: {type: int, default: 3, help: how many}
          rate: {type: float, default: 0.5}
          flag: {type: bool, default: true}
          grid: {type: json, default: {a: [1, 2.5, null], b: {c: true}}}
          who: {required: true}
          token: {sensitive: true, default: {secret: api_token}}
        on_failure: [tell]
        finally: [clean, close]
        notify:
          - {on: failed, to: [ops, mail]}
          - {on: [late, cancelled], to: pager, within: 1h, title: "{{ flow }} is {{ kind }}", text: "{% for tag in tags %}{{ tag | upcase }}{% endfor %}"}
        steps:
          begin:
            description: first
            run: [program, --fast, ""]
            warm: [server, --warm]
            env: {MODE: fast, TOKEN: {secret: api_token}}
            workdir: sub/dir
            resources: {cpu: 0.5, memory: 1GiB, gpu: 1, disk: 10GB}
            queue: big
            timeout: 1h30m
            grace: 0s
            retry: {max_attempts: 3, max_losses: 0, exit_codes: [1, 75], backoff: {initial: 1ms, factor: 1.5, max: 5m, jitter: 0}}
            priority: -3
            next: {foreach: each, over: {range: {parameter: n}}}
          each: {run: echo, max_parallel: 8, catch: true, next: [left, right]}
          left: {run: a, catch: {output: problem}, next: both}
          right: {run: b, retry: 5, next: both}
          both: {join: {any: 1}, run: c, next: gather}
          gather: {join: {tolerate: 2}, run: d, next: {foreach: line, over: {file: items.jsonl}}}
          line: {run: e, next: lines}
          lines: {join: all, run: f, next: {foreach: down, over: {range: [10, 0, -4]}}}
          down: {run: g, next: downs}
          downs: {join: all, run: h, next: {foreach: item, over: files}}
          item: {run: i, next: judge}
          judge: {run: j, next: {switch: verdict, cases: {again: item, "true": items, good: items}, default: items, max_loops: 3}}
          items: {join: all, run: k, next: last}
          last: {run: [l]}
          tell: {run: m}
          clean: {run: n}
          close: {run: o}
        """;

    private const string Loops = """
        name: loops
        steps:
          start: {run: a, next: {foreach: outer, over: {range: 2}}}
          outer: {run: b, next: {foreach: inner, over: {output: width}}}
          inner: {run: c, next: {switch: way, cases: {x: other, y: inner_end}, default: inner_end}}
          other: {run: d, next: inner_end}
          inner_end: {join: all, run: e, next: outer_end}
          outer_end: {join: all, run: f, next: check}
          check: {run: g, next: {switch: ok, cases: {"false": start, "true": end}, max_loops: 2}}
          end: {run: h}
        """;

    public static IReadOnlyList<MapTwig> Flows { get; } =
    [
        Read(Everything), Read(Loops), Read("{name: one, steps: {start: {run: a}}}"),
        .. Directory.EnumerateFiles(Path.Combine(Corpus.Root, "examples"), "flow.yaml", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => Read(File.ReadAllText(f))),
    ];

    /// <summary>Every key and text that stands in a flow: what a changed one may be changed to.</summary>
    public static IReadOnlyList<string> Vocabulary { get; } = [.. Flows.SelectMany(Words).Concat(["wait", "image", "flow", "steps", "unknown"]).Distinct().Order(StringComparer.Ordinal)];

    public static MapTwig Read(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return (MapTwig)Of(stream.Documents[0].RootNode);
    }

    private static Twig Of(YamlNode node) => node switch
    {
        YamlScalarNode scalar => new Leaf(scalar.Value ?? "", scalar.Style is ScalarStyle.Plain or ScalarStyle.Any),
        YamlSequenceNode list => new ListTwig([.. list.Children.Select(Of)]),
        YamlMappingNode map => new MapTwig([.. map.Children.Select(c => (((YamlScalarNode)c.Key).Value!, Of(c.Value)))]),
        _ => throw new InvalidOperationException($"A flow of the catalog has {node.NodeType}."),
    };

    private static IEnumerable<string> Words(Twig twig) => twig switch
    {
        Leaf leaf => [leaf.Text],
        ListTwig list => list.Items.SelectMany(Words),
        MapTwig map => map.Entries.SelectMany(e => Words(e.Value).Prepend(e.Key)),
        _ => [],
    };
}
