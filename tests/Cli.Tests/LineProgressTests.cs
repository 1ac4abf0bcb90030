using Fanfare.Cli.Running;

namespace Fanfare.Cli.Tests;

public sealed class LineProgressTests
{
    [Fact]
    public async Task EachChangeIsALine_CountsAtMostOncePerSecond_TheLastAlways()
    {
        var clock = new ManualClock(FakeServer.Start);
        using var writer = new StringWriter();
        await using var view = new LineProgress(writer, clock);

        view.Update(At(RunStatus.Running, FakeServer.Step("start", StepStatus.Open, running: 1)));
        view.Update(At(RunStatus.Running, FakeServer.Step("start", StepStatus.Open, running: 1)));
        clock.Advance(TimeSpan.FromSeconds(3));
        view.Update(At(RunStatus.Running, FakeServer.Step("start", StepStatus.Succeeded, succeeded: 1), FakeServer.Step("train", StepStatus.Open, total: 9, running: 2)));
        clock.Advance(TimeSpan.FromMilliseconds(200));
        view.Update(At(RunStatus.Running, FakeServer.Step("train", StepStatus.Open, total: 9, running: 2, succeeded: 1)));
        clock.Advance(TimeSpan.FromSeconds(1));
        view.Update(At(RunStatus.Running, FakeServer.Step("train", StepStatus.Open, total: 9, running: 2, succeeded: 5, failed: 1)));
        view.Update(At(RunStatus.Failing, FakeServer.Step("train", StepStatus.Open, total: 9, running: 2, succeeded: 5, failed: 2)));
        view.Update(At(RunStatus.Failed, FakeServer.Step("train", StepStatus.Failed, total: 9, succeeded: 7, failed: 2)));

        Assert.Equal("""
               0.0 s  start: 0/1 done, 1 running
               3.0 s  start: succeeded, 1/1 done
               3.0 s  train: 0/9 done, 2 running
               4.2 s  train: 6/9 done, 2 running, 1 failed
               4.2 s  run is failing
                12 s  train: failed, 9/9 done, 2 failed

            """, writer.ToString());
    }

    [Fact]
    public async Task AllOpeningsOfAStep_AreOneLine()
    {
        using var writer = new StringWriter();
        await using var view = new LineProgress(writer, new ManualClock(FakeServer.Start));

        view.Update(At(RunStatus.Running,
            FakeServer.Step("parse", StepStatus.Succeeded, total: 3, succeeded: 3) with { Key = "parse[0]" },
            FakeServer.Step("parse", StepStatus.Open, total: 5, running: 1, succeeded: 1) with { Key = "parse[1]" }));

        Assert.Equal("   0.0 s  parse: 4/8 done, 1 running\n", writer.ToString());
    }

    private static RunSnapshot At(RunStatus status, params StepView[] steps) => new(FakeServer.Run("r1", status), steps);

    private sealed class ManualClock(DateTimeOffset start) : TimeProvider
    {
        private DateTimeOffset _now = start;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan time) => _now += time;

        public override DateTimeOffset GetUtcNow() => _now;

        public override long GetTimestamp() => _now.UtcTicks;
    }
}
