using System.Diagnostics.Metrics;

namespace Fanfare.Gateway.Tests.Metrics;

/// <summary>Instruments of a meter of the test's own, collected and written as the server does it.</summary>
public sealed class ExpositionTests : IDisposable
{
    private readonly Meter _meter = new($"test-{Guid.NewGuid():n}");
    private readonly Collection _collection;

    public ExpositionTests() => _collection = new Collection([_meter.Name], sendsOtlp: false);

    public void Dispose()
    {
        _collection.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public void ACounter_IsATotal_OfWhichOpenMetricsNamesTheFamilyWithoutIt()
    {
        _meter.CreateCounter<long>("jobs.done", "{job}", "Jobs that are done.").Add(3, new KeyValuePair<string, object?>("job.kind", "big"));

        Assert.Equal(
            """
            # HELP jobs_done_total Jobs that are done.
            # TYPE jobs_done_total counter
            jobs_done_total{job_kind="big"} 3
            """, Text());
        Assert.Equal(
            """
            # TYPE jobs_done counter
            # HELP jobs_done Jobs that are done.
            jobs_done_total{job_kind="big"} 3
            # EOF
            """, OpenMetrics());
    }

    [Fact]
    public void AHistogram_HasBucketsThatAddUp_WithOneOverAll_AndSumAndCount()
    {
        var waits = _meter.CreateHistogram("waits", "s", "How long.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1, 10] });
        foreach (var wait in (double[])[0.25, 0.5, 2, 64]) waits.Record(wait);

        Assert.Equal(
            """
            # HELP waits_seconds How long.
            # TYPE waits_seconds histogram
            waits_seconds_bucket{le="0.5"} 2
            waits_seconds_bucket{le="1"} 2
            waits_seconds_bucket{le="10"} 3
            waits_seconds_bucket{le="+Inf"} 4
            waits_seconds_sum 66.75
            waits_seconds_count 4
            """, Text());
        Assert.Equal(
            """
            # TYPE waits_seconds histogram
            # UNIT waits_seconds seconds
            # HELP waits_seconds How long.
            waits_seconds_bucket{le="0.5"} 2
            waits_seconds_bucket{le="1.0"} 2
            waits_seconds_bucket{le="10.0"} 3
            waits_seconds_bucket{le="+Inf"} 4
            waits_seconds_sum 66.75
            waits_seconds_count 4
            # EOF
            """, OpenMetrics());
    }

    [Theory]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(-0.125, "-0.125")]
    public void AGauge_HasAnyNumber(double value, string text)
    {
        _meter.CreateObservableGauge("level", () => value);

        Assert.Contains($"\nlevel {text}", Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void LabelsAndHelp_AreEscaped_EachFormatByItsRules()
    {
        _meter.CreateCounter<long>("odd", null, "A \"back\\slash\"\nand a line.").Add(1, new KeyValuePair<string, object?>("v", "a\"b\\c\nd"));

        Assert.Equal("# HELP odd_total A \"back\\\\slash\"\\nand a line.\n# TYPE odd_total counter\nodd_total{v=\"a\\\"b\\\\c\\nd\"} 1", Text());
        Assert.Contains("# HELP odd A \\\"back\\\\slash\\\"\\nand a line.\nodd_total{v=\"a\\\"b\\\\c\\nd\"} 1", OpenMetrics(), StringComparison.Ordinal);
    }

    [Fact]
    public void AttributesThatBecomeOneLabel_ShareIt()
    {
        _meter.CreateCounter<long>("odd").Add(1, new KeyValuePair<string, object?>("a.b", "x"), new KeyValuePair<string, object?>("a_b", "y"), new KeyValuePair<string, object?>("on", true));

        Assert.Contains("odd_total{a_b=\"x;y\",on=\"True\"} 1", Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void AnInstrumentThatIsMadeAnew_StandsThereOnce_WithWhatTheNewOneSays()
    {
        using var former = new Meter(_meter.Name);
        former.CreateObservableGauge("nodes", () => 1);
        Assert.Contains("\nnodes 1", Text(), StringComparison.Ordinal);

        former.Dispose();
        _meter.CreateObservableGauge("nodes", () => 2);

        Assert.Equal("# HELP nodes \n# TYPE nodes gauge\nnodes 2", Text());
        Assert.Equal("# HELP nodes \n# TYPE nodes gauge\nnodes 2", Text());
    }

    [Fact]
    public void TwoOfOneName_AndOfDifferentKinds_AreNotMixed()
    {
        _meter.CreateCounter<long>("a.b").Add(1);
        _meter.CreateObservableGauge("a_b", () => 2);

        Assert.DoesNotContain("gauge", Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void ThePage_SaysWhoseItIs()
    {
        var (text, open) = (_collection.Read(ExpositionFormat.Text), _collection.Read(ExpositionFormat.OpenMetrics));

        Assert.StartsWith("# HELP target_info What the server says of itself.\n# TYPE target_info gauge\ntarget_info{", text, StringComparison.Ordinal);
        Assert.StartsWith("# TYPE target info\n# HELP target What the server says of itself.\ntarget_info{", open, StringComparison.Ordinal);
        Assert.Contains("service_name=\"fanfare\"", text, StringComparison.Ordinal);
        Assert.Contains($"service_version=\"{ServerApi.Version}\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyWhoReadAtATime_EachGetAWholePage_InTheirFormat_AndNothingIsCountedTwice()
    {
        var counter = _meter.CreateCounter<long>("n");
        var histogram = _meter.CreateHistogram<double>("h");
        counter.Add(1);
        histogram.Record(1);
        using var stop = new CancellationTokenSource();
        // Series come while it is read.
        var writing = Task.Run(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                counter.Add(1, new KeyValuePair<string, object?>("k", i % 50));
                histogram.Record(i % 7, new KeyValuePair<string, object?>("k", i % 50));
            }
        });

        var pages = await Task.WhenAll(Enumerable.Range(0, 8).Select(reader => Task.Run(() =>
            Enumerable.Range(0, 25).Select(_ => (Open: reader % 2 == 1, Page: _collection.Read(reader % 2 == 1 ? ExpositionFormat.OpenMetrics : ExpositionFormat.Text))).ToList())));
        await stop.CancelAsync();
        await writing;

        foreach (var (open, page) in pages.SelectMany(read => read))
        {
            Assert.Equal(open, page.EndsWith("# EOF\n", StringComparison.Ordinal));
            Assert.Equal(open ? 1 : 0, page.Split("# EOF").Length - 1);
            var samples = page.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#').Select(line => line[..line.LastIndexOf(' ')]).ToList();
            Assert.Equal(samples.Count, samples.Distinct().Count());
            Assert.Contains("n_total 1\n", page, StringComparison.Ordinal);
            var counts = page.Split('\n').Where(line => line.StartsWith("h_count", StringComparison.Ordinal)).Select(line => line.Split(' ')[^1]);
            var overAll = page.Split('\n').Where(line => line.Contains("le=\"+Inf\"", StringComparison.Ordinal)).Select(line => line.Split(' ')[^1]);
            Assert.Equal(overAll, counts);
        }
        foreach (var read in pages)
        {
            var sums = read.Select(page => page.Page.Split('\n').Where(line => line.StartsWith("n_total", StringComparison.Ordinal)).Sum(line => long.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture))).ToList();
            Assert.Equal(sums.Order(), sums);
        }
    }

    private string Text() => WithoutTarget(_collection.Read(ExpositionFormat.Text));

    private string OpenMetrics() => WithoutTarget(_collection.Read(ExpositionFormat.OpenMetrics));

    // The first three lines are of the target.
    private static string WithoutTarget(string page) => string.Join('\n', page.TrimEnd('\n').Split('\n').Skip(3));
}
