namespace Fanfare.EndToEnd.Flows;

[Collection(SharedSiteGroup.Name)]
public sealed class SplitTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task AJoinOfBranches_SeesThemInTheirOrder_WhicheverEndsFirst()
    {
        var right = _site.In("right-is-done");
        var run = await _site.Api.SucceedAsync($$$"""
            name: branches
            steps:
              start: {run: ["true"], next: [left, right]}
              left: {run: {{{Run.Shell($$$"""{{{Run.Await(right)}}}; printf '{"v":"l"}' > "$FANFARE_OUTPUT"; echo L > "$FANFARE_ARTIFACTS/side" """)}}}, next: both}
              right: {run: {{{Run.Shell("""printf '{"v":"r"}' > "$FANFARE_OUTPUT"; echo R > "$FANFARE_ARTIFACTS/side" """)}}}, next: after_right}
              after_right: {run: {{{Run.Shell($$$"""printf '{"v":"ar"}' > "$FANFARE_OUTPUT"; touch '{{{right}}}'""")}}}, next: both}
              both:
                join: all
                run: {{{Run.Python("put(seen=[i['outputs']['v'] for i in inputs], steps=[i['step'] for i in inputs], left=found('left/-/side'))")}}}
            """);

        Assert.Equal("""{"seen":["l","ar"],"steps":["left","after_right"],"left":"L\n"}""", Json.Compact(await _site.Api.OutputAsync(run, "both")));
    }

    [Fact]
    public async Task ANestedForeach_JoinsInSplitOrder_AndTheJoinsFindTheFilesOfEachSplit()
    {
        var run = await _site.Api.SucceedAsync($$$"""
            name: nested
            steps:
              start: {run: {{{Run.Put("""{"letters":["a","b","c"]}""")}}}, next: {foreach: letter, over: letters}}
              letter: {run: {{{Run.Python("put(letter=task['item'])")}}}, next: {foreach: cell, over: {range: [10, 12]} } }
              cell:
                resources: {cpu: 0.5}
                run: {{{Run.Python("""
                    time.sleep(0.2 * (2 - task['splits'][1]))   # the later split ends first
                    cell = inputs[0]['outputs']['letter'] + str(task['item'])
                    keep('cell.txt', cell)
                    put(cell=cell)
                    """)}}}
                next: row
              row:
                join: all
                run: {{{Run.Python("""
                    files = [found('cell/%s/cell.txt' % '.'.join(map(str, i['splits']))) for i in inputs]
                    put(cells=[i['outputs']['cell'] for i in inputs], files=files, item=task['item'])
                    """)}}}
                next: table
              table:
                join: all
                run: {{{Run.Python("put(rows=[i['outputs'] for i in inputs], splits=[i['splits'] for i in inputs])")}}}
            """);

        Assert.Equal(
            """
            {"rows":[
              {"cells":["a10","a11"],"files":["a10","a11"],"item":"a"},
              {"cells":["b10","b11"],"files":["b10","b11"],"item":"b"},
              {"cells":["c10","c11"],"files":["c10","c11"],"item":"c"}],"splits":[[0],[1],[2]]}
            """, Json.Compact(await _site.Api.OutputAsync(run, "table")), Json.SameObject);
        Assert.Equal("""{"cell":"b11"}""", Json.Compact(await _site.Api.OutputAsync(run, "cell[1,1]")));
    }

    [Fact]
    public async Task AForeachOverAList_GivesEachTaskItsItem_OfAnyKind()
    {
        var run = await _site.Api.SucceedAsync($$$"""
            name: list
            steps:
              start: {run: {{{Run.Put("""{"items":[{"lr":0.1},[1,2],"text",null,3.5]}""")}}}, next: {foreach: each, over: items}}
              each: {run: {{{Run.Python("put(item=task['item'])")}}}, resources: {cpu: 0.5}, next: all}
              all: {join: all, run: {{{Run.Python("put(items=[i['outputs']['item'] for i in inputs])")}}} }
            """);

        Assert.Equal("""{"items":[{"lr":0.1},[1,2],"text",null,3.5]}""", Json.Compact(await _site.Api.OutputAsync(run, "all")), Json.SameObject);
    }

    [Fact]
    public async Task AForeachOverARange_TakesItsBoundFromAParameter_AndZeroItemsGoStraightToTheJoin()
    {
        var flow = $$$"""
            name: range
            parameters: {n: {type: int, default: 3}}
            steps:
              start: {run: ["true"], next: {foreach: each, over: {range: {parameter: n} } } }
              each: {run: {{{Run.Python("put(item=task['item'])")}}}, next: all}
              all: {join: all, run: {{{Run.Python("put(items=[i['outputs']['item'] for i in inputs])")}}} }
            """;

        var three = await _site.Api.SucceedAsync(flow);
        var none = await _site.Api.SucceedAsync(flow, new() { ["n"] = 0 });

        Assert.Equal("""{"items":[0,1,2]}""", Json.Compact(await _site.Api.OutputAsync(three, "all")));
        Assert.Equal("""{"items":[]}""", Json.Compact(await _site.Api.OutputAsync(none, "all")));
        Assert.DoesNotContain(await _site.Api.TasksAsync(none), t => t.Step == "each");
    }

    [Fact]
    public async Task AForeachOverAJsonLinesFile_GivesEveryLineToOneTask()
    {
        const int lines = 2000;
        var run = await _site.Api.SucceedAsync($$$"""
            name: lines
            steps:
              start:
                run: {{{Run.Python($$$"""os.mkdir(env['FANFARE_ARTIFACTS'] + '/work'); keep('work/items.jsonl', ''.join(json.dumps({'n': n, 'square': n * n}) + '\n' for n in range({{{lines}}})))""")}}}
                next: {foreach: each, over: {file: work/items.jsonl}}
              each:
                run: [sh, -c, 'sed -n "s/.*\"item\": *\({[^}]*}\).*/\1/p" "$FANFARE_INPUT" > "$FANFARE_OUTPUT"']
                resources: {cpu: 0.5}
                next: all
              all: {join: all, run: {{{Run.Python("put(n=len(inputs), right=all(i['outputs'] == {'n': n, 'square': n * n} for n, i in enumerate(inputs)))")}}} }
            """);

        Assert.Equal($$$"""{"n":{{{lines}}},"right":true}""", Json.Compact(await _site.Api.OutputAsync(run, "all")));
    }
}
