namespace Fanfare.Metaflow;

/// <summary>Flows whose artifacts lie in S3 and whose metadata the server keeps, as on several machines.</summary>
public sealed class SharedStoreTests(SharedS3 s3) : IClassFixture<SharedS3>
{
    [MetaflowOnS3Fact]
    public async Task AFlow_RunsWarmAndCold_AndItsArtifactsLogsAndMetadataAreRead()
    {
        await using var site = await MetaflowSite.OnS3Async(s3.Server);
        foreach (var option in (string[][])[[], ["--no-warm"]])
        {
            await site.DoneAsync("shapes", ["fanfare", "create", .. option]);
            var run = await site.TriggerAsync("shapes", "--width", "2");
            var end = await site.Api.EndAsync(run, Eventually.Limit);
            Assert.True(end.Status == RunStatus.Succeeded, end.Error?.Message);

            var read = await site.ReadAsync($"Shapes/{run}", "words", "ways");
            Assert.True(read.GetProperty("successful").GetBoolean());
            Assert.Equal("""["x0", "y0", "x1", "y1"]""", read.GetProperty("end").GetProperty("words").GetRawText());
            Assert.Equal("came to the end with x0 y0 x1 y1\n", read.GetProperty("tasks").EnumerateObject().Single(task => task.Name.StartsWith("end/", StringComparison.Ordinal)).Value.GetProperty("out").GetString());
        }
        Assert.DoesNotContain("start cold", site.Worker.Output, StringComparison.Ordinal);
    }
}
