namespace Fanfare.EndToEnd.Flows;

[Collection(SharedSiteGroup.Name)]
public sealed class LinearTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task AStep_GetsParametersEnvironmentSecretsOutputsAndFiles_OfTheStepBefore()
    {
        await File.WriteAllTextAsync(_site.In("secrets/api_token"), "s3cr3t-of-the-test");
        var run = await _site.Api.SucceedAsync($$$"""
            name: linear
            parameters:
              top: {type: int, default: 5}
              region: {required: true}
              grid: {type: json, default: {rate: [0.1, 1]}}
            steps:
              start:
                run: {{{Run.Python("""
                    keep('points.csv', 'a,b\n')
                    os.makedirs(env['FANFARE_ARTIFACTS'] + '/deep')
                    keep('deep/er.txt', 'deeper')
                    put(top=env['FANFARE_PARAM_TOP'], region=env['FANFARE_PARAM_REGION'], grid=json.loads(env['FANFARE_PARAM_GRID']), given=task['parameters'])
                    """)}}}
                next: finish
              finish:
                env: {MODE: fast, TOKEN: {secret: api_token}}
                run: {{{Run.Python("""
                    before = inputs[0]
                    print('the token is', env['TOKEN'])
                    put(before=before['outputs'], names=[a['name'] for a in before['artifacts']], points=found('start/-/points.csv'), deep=found('start/-/deep/er.txt'),
                        mode=env['MODE'], knows=env['TOKEN'][::-1], who=[env['FANFARE_FLOW'], env['FANFARE_STEP'], env['FANFARE_TASK'], env['FANFARE_SPLIT'], env['FANFARE_ATTEMPT']],
                        leaked=[n for n in env if n.startswith('FANFARE_SECRET')])
                    """)}}}
            """, new() { ["region"] = "eu", ["top"] = 7 });

        var output = await _site.Api.OutputAsync(run, "finish");
        Assert.Equal("""{"top":"7","region":"eu","grid":{"rate":[0.1,1]},"given":{"top":7,"region":"eu","grid":{"rate":[0.1,1]}}}""", Json.Compact(output.GetProperty("before")), Json.SameObject);
        Assert.Equal("""["deep/er.txt","points.csv"]""", Json.Compact(output.GetProperty("names")));
        Assert.Equal("a,b\n", output.GetProperty("points").GetString());
        Assert.Equal("deeper", output.GetProperty("deep").GetString());
        Assert.Equal("fast", output.GetProperty("mode").GetString());
        Assert.Equal("tset-eht-fo-t3rc3s", output.GetProperty("knows").GetString());
        Assert.Equal("""["linear","finish","finish","","0"]""", Json.Compact(output.GetProperty("who")));
        Assert.Equal("[]", Json.Compact(output.GetProperty("leaked")));
        var log = await _site.Api.LogAsync(run, "finish");
        Assert.Contains("the token is", log, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t-of-the-test", log, StringComparison.Ordinal);
        Assert.Equal("deeper", await _site.Api.ArtifactAsync(run, "start", "deep/er.txt"));
    }

    [Fact]
    public async Task ARun_WithoutARequiredParameter_IsRefused()
    {
        await _site.Api.DeployAsync("name: needs\nparameters: {region: {required: true}}\nsteps: {start: {run: [\"true\"]}}\n");

        var (status, body) = await _site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/flows/needs/runs", new { parameters = new { } });

        Assert.Equal(400, status);
        Assert.Contains("FAN0005", body, StringComparison.Ordinal);
        Assert.Contains("\"field\":\"parameters.region\"", body, StringComparison.Ordinal);
    }
}
