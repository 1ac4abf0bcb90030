using System.Reflection;

namespace Fanfare.EndToEnd.Metrics.Alerts;

/// <summary>Each alert of deploy/prometheus, evaluated by Prometheus: it fires when what it tells of happens to real servers and workers, and clears when that is mended as its runbook says.</summary>
public sealed class AlertFaultTests(AllFaults faults) : IClassFixture<AllFaults>
{
    [Fault<UnservedQueue>]
    public Task AQueueThatNoWorkerServes_IsToldOf_UntilOneDoes() => faults.EndOf<UnservedQueue>();

    [Fault<BrokenFlow>]
    public Task AFlowThatFailsAgainAndAgain_IsToldOf_UntilItIsMendedAndRetried() => faults.EndOf<BrokenFlow>();

    [Fault<UnfitPayload>]
    public Task AnEventThatCannotStartARun_IsToldOf_AndTheAlertEndsAfterTheRedrive() => faults.EndOf<UnfitPayload>();

    [Fault<LostWorker>]
    public Task AWorkerThatStaysAway_IsToldOf_WhenItsLeasesHaveRunOut() => faults.EndOf<LostWorker>();

    [Fault<RestartedWorker>]
    public Task AWorkerThatComesBackWithoutItsTasks_IsToldOf() => faults.EndOf<RestartedWorker>();

    [Fault<AbsentDatabase>]
    public Task ServersWithoutTheirDatabase_AreToldOf_AsNotReadyAndWithoutALeader_UntilItIsBack() => faults.EndOf<AbsentDatabase>();

    [Fault<LockedJournal>]
    public Task AJournalWhoseCommitsWaitForALock_IsToldOf_UntilTheSessionIsEnded() => faults.EndOf<LockedJournal>();

    [Fault<HungServer>]
    public Task AServerThatHangs_IsToldOf_AndTheSchedulesThatItMakesUpForAreLate() => faults.EndOf<HungServer>();

    [Fault<FullDisk>]
    public Task AFullDisk_IsToldOf_UntilThereIsRoom() => faults.EndOf<FullDisk>();

    [Fault<ShrinkingDisk>]
    public Task ADiskThatWillBeFullSoon_IsToldOf_WhileAThirdIsLeft() => faults.EndOf<ShrinkingDisk>();
}

/// <summary>Needs no Prometheus, so that an alert without a fault test is noticed everywhere.</summary>
public sealed class AlertsWithFaultsTests
{
    [Fact]
    public void EveryAlert_HasAFaultTest_AndEveryFaultTestsAlertIsThere()
    {
        var tested = typeof(AlertFaultTests).GetMethods().SelectMany(method => method.GetCustomAttributes().OfType<IFaultTest>())
            .SelectMany(test => ((AlertFault)Activator.CreateInstance(test.Fault)!).Alerts).Distinct();

        Assert.Equal(ScaledRules.Alerts().Order(StringComparer.Ordinal), tested.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TheRulesThatTheFaultsMeet_AreOurs_WithASecondForEachMinute()
    {
        var (ours, scaled) = (File.ReadAllText(ScaledRules.Path).Split('\n'), ScaledRules.Text().Split('\n'));

        Assert.Equal(ours.Length, scaled.Length);
        Assert.Equal(ours.Where(line => line.Contains("for: ", StringComparison.Ordinal)).Select(line => line.Replace("m", "s", StringComparison.Ordinal)), scaled.Where(line => line.Contains("for: ", StringComparison.Ordinal)));
        Assert.Contains(scaled, line => line.Contains("(predict_linear(fanfare_disk_free_bytes[360s], 1440) < 0 and fanfare_disk_free_bytes / fanfare_disk_size_bytes < 0.4)", StringComparison.Ordinal));
        Assert.Contains(scaled, line => line.Contains("fanfare_queue_oldest_age_seconds) > 10", StringComparison.Ordinal));
        Assert.Contains(scaled, line => line.Contains("[30s])) >= 20", StringComparison.Ordinal));
    }
}
