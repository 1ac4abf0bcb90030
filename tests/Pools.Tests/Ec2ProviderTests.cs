using Fanfare.Pools.Ec2;
using Fanfare.Pools.Tests.Fake;

namespace Fanfare.Pools.Tests;

public sealed class Ec2ProviderTests
{
    [Fact]
    public async Task ALaunch_MakesWhatIsAskedFor_TaggedFromTheFirstMoment()
    {
        await using var stage = await Stage.SetUpAsync();
        var request = stage.Launch(2, Stage.Spot(Stage.Small, Stage.Other)) with { Labels = new Dictionary<string, string> { ["team"] = "data" } };

        var answer = await stage.Provider.LaunchAsync(request, CancellationToken.None);

        Assert.True(answer.IsSettled);
        Assert.Empty(answer.Refusals);
        Assert.Equal(LaunchToken.Of(request), answer.Token);
        Assert.All(answer.Instances, i => Assert.Equal(("cpu", answer.Token, InstanceState.Pending, "m7i.large", "eu-central-1a", CapacityKind.Spot, false), (i.Pool, i.Launch, i.State, i.Type, i.Zone, i.Capacity, i.IsListed)));
        Assert.Equal(stage.Fake.Instances.Select(i => i.Id), answer.Instances.Select(i => i.Id));
        Assert.All(stage.Fake.Instances, i => Assert.Equal(
            new Dictionary<string, string> { ["fanfare:cluster"] = "c1", ["fanfare:pool"] = "cpu", ["fanfare:launch"] = answer.Token, ["team"] = "data", ["Name"] = "fanfare c1 cpu" }, i.Tags));
        Assert.Single(stage.Fake.Asked);
    }

    [Fact]
    public async Task ALaunchThatIsAskedForAgain_ByAnyone_IsTheSameMachines()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Left["m7i.large"] = 1;
        var request = stage.Launch(3, Stage.Spot(Stage.Small), Stage.OnDemand(Stage.Other));

        var first = await stage.Provider.LaunchAsync(request, CancellationToken.None);
        var again = await stage.Provider.LaunchAsync(request, CancellationToken.None);
        var byAnother = await stage.NewProvider().LaunchAsync(request, CancellationToken.None);

        Assert.Equal(3, stage.Fake.Instances.Count);
        Assert.All([again, byAnother], answer => Assert.Equal(first.Instances.Select(i => (i.Id, i.Capacity)), answer.Instances.Select(i => (i.Id, i.Capacity))));
        Assert.Equal([CapacityKind.Spot, CapacityKind.OnDemand, CapacityKind.OnDemand], first.Instances.Select(i => i.Capacity));
    }

    [Fact]
    public async Task WhatAnOfferingDoesNotGive_IsAskedOfTheNext_InTheSameLaunch()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Refused[(CapacityKind.Spot, "m7i.large", "*")] = "UnfulfillableCapacity";
        stage.Fake.Left["m7a.large"] = 1;

        var answer = await stage.Provider.LaunchAsync(stage.Launch(4, Stage.Spot(Stage.Small, Stage.Other) with { AtMost = 2 }, Stage.OnDemand(Stage.SmallB)), CancellationToken.None);

        Assert.Equal([("m7a.large", CapacityKind.Spot), ("m7i.large", CapacityKind.OnDemand), ("m7i.large", CapacityKind.OnDemand), ("m7i.large", CapacityKind.OnDemand)], answer.Instances.Select(i => (i.Type, i.Capacity)));
        Assert.Equal([(0, Stage.Small, RefusalReason.NoCapacity, "UnfulfillableCapacity"), (0, Stage.Other, RefusalReason.NoCapacity, "UnfulfillableCapacity")], answer.Refusals.Select(r => (r.Offering, r.Choice!, r.Reason, r.Code)));
        Assert.True(answer.IsSettled);
        Assert.Equal(["2", "3"], stage.Fake.Asked.Select(a => a.Fields["TargetCapacitySpecification.TotalTargetCapacity"]));
        Assert.Empty(stage.Clock.Waits);
    }

    [Theory]
    [InlineData("InsufficientInstanceCapacity", RefusalReason.NoCapacity)]
    [InlineData("UnfulfillableCapacity", RefusalReason.NoCapacity)]
    [InlineData("ReservationCapacityExceeded", RefusalReason.NoCapacity)]
    [InlineData("SpotMaxPriceTooLow", RefusalReason.NoCapacity)]
    [InlineData("MaxSpotInstanceCountExceeded", RefusalReason.OverLimit)]
    [InlineData("VcpuLimitExceeded", RefusalReason.OverLimit)]
    [InlineData("MaxFleetCountExceeded", RefusalReason.OverLimit)]
    [InlineData("InsufficientFreeAddressesInSubnet", RefusalReason.NoAddress)]
    [InlineData("Unsupported", RefusalReason.Unsupported)]
    public async Task ARefusalInsideAGoodAnswer_IsToldAndRemembered(string code, RefusalReason reason)
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Refused[(CapacityKind.Spot, "m7i.large", "eu-central-1a")] = code;
        var request = stage.Launch(2, Stage.Spot(Stage.Small));

        var answer = await stage.Provider.LaunchAsync(request, CancellationToken.None);

        Assert.Empty(answer.Instances);
        Assert.Equal(new LaunchRefusal(0, Stage.Small, CapacityKind.Spot, reason, code, "No m7i.large in eu-central-1a."), answer.Refusals.Single());
        var plan = stage.Provider.Plan(request);
        Assert.Null(plan.Request);
        Assert.Equal(stage.Clock.GetUtcNow() + (reason == RefusalReason.Unsupported ? TimeSpan.FromHours(1) : TimeSpan.FromMinutes(3)), plan.Until);
        Assert.Equal((CapacityKind.Spot, Stage.Small, reason), (plan.LeftOut.Single().Capacity, plan.LeftOut.Single().Choice, plan.LeftOut.Single().Reason));
    }

    [Theory]
    [InlineData("UnauthorizedOperation", RefusalReason.NotAllowed, true)]
    [InlineData("InvalidLaunchTemplateName.NotFoundException", RefusalReason.Invalid, true)]
    [InlineData("RequestLimitExceeded", RefusalReason.Throttled, false)]
    [InlineData("InternalError", RefusalReason.NoAnswer, false)]
    public async Task ARefusalThatSaysNothingOfWhatThereIs_IsToldAndNotRemembered(string code, RefusalReason reason, bool isFollowed)
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Refused[(CapacityKind.Spot, "m7i.large", "eu-central-1a")] = code;
        var request = stage.Launch(2, Stage.Spot(Stage.Small), Stage.OnDemand(Stage.Small));

        var answer = await stage.Provider.LaunchAsync(request, CancellationToken.None);

        Assert.Equal((true, reason, isFollowed ? 2 : 0), (answer.IsSettled, answer.Refusals.Single().Reason, answer.Instances.Count));
        Assert.Same(request, stage.Provider.Plan(request).Request);
    }

    [Fact]
    public async Task TwoServersThatAskForTheSameLaunchAtOnce_GetTheSameMachines()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Next("CreateFleet", Trouble.SlowAfter);
        var request = stage.Launch(3);

        var slow = stage.Provider.LaunchAsync(request, CancellationToken.None);
        await stage.Fake.Slow;
        var quick = await stage.NewProvider().LaunchAsync(request, CancellationToken.None);
        Assert.False(slow.IsCompleted);
        stage.Fake.Hurry();

        Assert.Equal(quick.Instances.Select(i => i.Id), (await slow).Instances.Select(i => i.Id));
        Assert.Equal(3, stage.Fake.Instances.Count);
    }

    [Fact]
    public async Task WhatIsRefused_IsLeftOutThereAlone_AndOnlyForAWhile()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Refused[(CapacityKind.Spot, "m7i.large", "eu-central-1a")] = "UnfulfillableCapacity";
        await stage.Provider.LaunchAsync(stage.Launch(1, Stage.Spot(Stage.Small)), CancellationToken.None);
        var wanted = stage.Launch(5, Stage.Spot(Stage.Small, Stage.SmallB, Stage.Other), Stage.OnDemand(Stage.Small));

        var plan = stage.Provider.Plan(wanted);
        Assert.Equal([Stage.SmallB, Stage.Other], plan.Request!.Offerings[0].Choices);
        Assert.Same(wanted.Offerings[1], plan.Request.Offerings[1]);

        stage.Clock.Advance(TimeSpan.FromMinutes(3));
        Assert.Same(wanted, stage.Provider.Plan(wanted).Request);
    }

    [Fact]
    public async Task ALimit_IsOneOfAllZones_AndLackingAddressesAreOnesOfTheirSubnet()
    {
        await using var stage = await Stage.SetUpAsync();
        MachineChoice a = new("m7i.large", null, "subnet-a"), b = new("m7i.large", null, "subnet-b"), c = new("m7a.large", null, "subnet-a"), d = new("m7a.large", null, "subnet-b");
        stage.Fake.Refused[(CapacityKind.OnDemand, "m7i.large", "subnet-a")] = "VcpuLimitExceeded";
        stage.Fake.Refused[(CapacityKind.OnDemand, "m7a.large", "subnet-a")] = "InsufficientFreeAddressesInSubnet";
        await stage.Provider.LaunchAsync(stage.Launch(1, Stage.OnDemand(a), Stage.OnDemand(c)), CancellationToken.None);

        var plan = stage.Provider.Plan(stage.Launch(1, Stage.OnDemand(a, b, c, d), Stage.Spot(a, b, c, d)));

        Assert.Equal([d], plan.Request!.Offerings[0].Choices);
        Assert.Equal([b, d], plan.Request.Offerings[1].Choices);
    }

    [Fact]
    public async Task ATooLowPrice_StandsInNobodysWayWhoOffersMore()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Refused[(CapacityKind.Spot, "m7i.large", "eu-central-1a")] = "SpotMaxPriceTooLow";
        Offering low = Stage.Spot(Stage.Small) with { MaxPrice = 0.01m }, high = low with { MaxPrice = 0.02m };
        await stage.Provider.LaunchAsync(stage.Launch(1, low), CancellationToken.None);

        Assert.Equal([high], stage.Provider.Plan(stage.Launch(1, low, high)).Request!.Offerings);
    }

    [Fact]
    public async Task Attributes_AreRefusedAndRememberedAsAWhole()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Refused[(CapacityKind.Spot, "", "eu-central-1a")] = "UnfulfillableCapacity";
        var needs = new MachineNeeds { VCpus = 2, MemoryMiB = 4096, Architecture = "x86_64" };
        MachineChoice a = new("", "eu-central-1a"), b = new("", "eu-central-1b");
        var offering = Stage.Spot(a) with { Needs = needs };

        Assert.Equal(a, (await stage.Provider.LaunchAsync(stage.Launch(1, offering), CancellationToken.None)).Refusals.Single().Choice);

        var larger = Stage.Spot(a) with { Needs = needs with { VCpus = 4 } };
        Assert.Equal([[b], [a]], stage.Provider.Plan(stage.Launch(1, offering with { Choices = [a, b] }, larger)).Request!.Offerings.Select(o => o.Choices));
        Assert.Equal("m7i.large", (await stage.Provider.LaunchAsync(stage.Launch(1, offering with { Choices = [b] }) with { Id = "l-2" }, CancellationToken.None)).Instances.Single().Type);
    }

    [Fact]
    public async Task Throttling_IsNoLackOfMachines_AndNothingElseIsAskedFor()
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { Attempts = 2 });
        stage.Fake.Next("CreateFleet", Trouble.Throttled, Trouble.Throttled);
        var request = stage.Launch(2, Stage.Spot(Stage.Small), Stage.OnDemand(Stage.Small));

        var answer = await stage.Provider.LaunchAsync(request, CancellationToken.None);

        Assert.False(answer.IsSettled);
        Assert.Equal((0, null, RefusalReason.Throttled, "RequestLimitExceeded"), (answer.Refusals.Single().Offering, answer.Refusals[0].Choice, answer.Refusals[0].Reason, answer.Refusals[0].Code));
        Assert.Equal(2, stage.Fake.Asked.Count);
        Assert.Same(request.Offerings[0], stage.Provider.Plan(request).Request!.Offerings[0]);
        Assert.All((await stage.Provider.LaunchAsync(request, CancellationToken.None)).Instances, i => Assert.Equal(CapacityKind.Spot, i.Capacity));
        Assert.Equal(2, stage.Fake.Instances.Count);
    }

    [Fact]
    public async Task ALaunchWhoseAnswersAreLost_IsUnsettled_AndTheSameMachinesWhenAskedForAgain()
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { Attempts = 2 });
        stage.Fake.Next("CreateFleet", Trouble.CutAfter, Trouble.CutAfter);
        var request = stage.Launch(3, Stage.Spot(Stage.Small), Stage.OnDemand(Stage.Small));

        var lost = await stage.Provider.LaunchAsync(request, CancellationToken.None);
        Assert.Equal((false, 0, RefusalReason.NoAnswer), (lost.IsSettled, lost.Instances.Count, lost.Refusals.Single().Reason));

        var found = await stage.Provider.LaunchAsync(request, CancellationToken.None);
        Assert.True(found.IsSettled);
        Assert.Equal(stage.Fake.Instances.Select(i => i.Id), found.Instances.Select(i => i.Id));
        Assert.Equal(3, found.Instances.Count);
    }

    [Fact]
    public async Task TheSameNameWithAnotherRequest_IsAnErrorThatSaysSo()
    {
        await using var stage = await Stage.SetUpAsync();
        var request = stage.Launch(2);
        var first = await stage.Provider.LaunchAsync(request, CancellationToken.None);

        var error = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.LaunchAsync(request with { Count = 3 }, CancellationToken.None));

        Assert.StartsWith($"Launch 'l-1' of pool 'cpu' was asked for before with another request. A launch that is repeated has to be as it was: look for what it made (fanfare:launch={first.Token}), and use a new id", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, stage.Fake.Instances.Count);
    }

    [Fact]
    public async Task ALaunchOfLongAgo_IsLookedForByItsTag_AndNotMadeAgain()
    {
        await using var stage = await Stage.SetUpAsync();
        LaunchRequest made = stage.Launch(2), never = stage.Launch(2) with { Id = "l-2" };
        var first = await stage.Provider.LaunchAsync(made, CancellationToken.None);
        stage.Clock.Advance(stage.Options.RepeatWithin + TimeSpan.FromSeconds(1));

        // The last request for it may have been sent a moment ago, and lists lag.
        Assert.False((await stage.NewProvider().LaunchAsync(made, CancellationToken.None)).IsSettled);
        stage.Clock.Advance(TimeSpan.FromMinutes(9));
        var again = await stage.NewProvider().LaunchAsync(made, CancellationToken.None);
        Assert.True(again.IsSettled);
        Assert.Equal(first.Instances.Select(i => i.Id), again.Instances.Select(i => i.Id));
        Assert.All(again.Instances, i => Assert.Equal((true, InstanceState.Running), (i.IsListed, i.State)));

        var none = await stage.NewProvider().LaunchAsync(never, CancellationToken.None);
        Assert.Equal((0, true), (none.Instances.Count, none.IsSettled));
        Assert.Equal((1, 2), (stage.Fake.Count("CreateFleet"), stage.Fake.Instances.Count));
    }

    [Fact]
    public async Task ALaunchWhoseMachinesEndedMeanwhile_IsLookedForByItsTag_AndNotMadeAgain()
    {
        await using var stage = await Stage.SetUpAsync();
        var request = stage.Launch(2, Stage.Spot(Stage.Small), Stage.OnDemand(Stage.Small));
        var first = await stage.Provider.LaunchAsync(request, CancellationToken.None);
        stage.Fake.Interrupt(first.Instances[0].Id);

        var soon = await stage.NewProvider().LaunchAsync(request, CancellationToken.None);
        Assert.False(soon.IsSettled);
        stage.Clock.Advance(TimeSpan.FromMinutes(19));
        var later = await stage.NewProvider().LaunchAsync(request, CancellationToken.None);

        Assert.True(later.IsSettled);
        Assert.Empty(later.Refusals);
        Assert.Equal([InstanceState.Ended, InstanceState.Running], later.Instances.Select(i => i.State));
        Assert.Equal(2, stage.Fake.Instances.Count);
    }

    [Fact]
    public async Task ARefusalOfARepetition_IsNoProofThatNothingWasMade()
    {
        await using var stage = await Stage.SetUpAsync();
        var request = stage.Launch(2, Stage.Spot(Stage.Small), Stage.OnDemand(Stage.Small));
        await stage.Provider.LaunchAsync(request, CancellationToken.None);
        stage.Fake.NextRefusal("CreateFleet", 400, "InvalidLaunchTemplateName.NotFoundException");

        var again = await stage.NewProvider().LaunchAsync(request, CancellationToken.None);

        Assert.Equal((false, 2, RefusalReason.Invalid), (again.IsSettled, again.Instances.Count, again.Refusals.Single().Reason));
        Assert.Equal(2, stage.Fake.Count("CreateFleet"));
    }

    [Fact]
    public async Task ACapacityErrorAsTheAnswer_IsFollowedByTheNextOffering()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.NextRefusal("CreateFleet", 400, "MaxFleetCountExceeded");
        stage.Fake.NextRefusal("CreateFleet", 500, "InsufficientInstanceCapacity");

        var answer = await stage.Provider.LaunchAsync(stage.Launch(1, Stage.Spot(Stage.Small, Stage.Other), Stage.OnDemand(Stage.Small), Stage.OnDemand(Stage.SmallB)), CancellationToken.None);

        Assert.Equal("eu-central-1b", answer.Instances.Single().Zone);
        Assert.Equal([(0, null, RefusalReason.OverLimit), (1, Stage.Small, RefusalReason.NoCapacity)], answer.Refusals.Select(r => (r.Offering, r.Choice, r.Reason)));
        Assert.True(answer.IsSettled);
    }

    [Fact]
    public async Task ACapacityErrorAfterALostAnswer_SettlesNothing()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Next("CreateFleet", Trouble.CutAfter);
        stage.Fake.NextRefusal("CreateFleet", 500, "InsufficientInstanceCapacity");
        var request = stage.Launch(1, Stage.Spot(Stage.Small), Stage.OnDemand(Stage.Small));

        Assert.False((await stage.Provider.LaunchAsync(request, CancellationToken.None)).IsSettled);

        Assert.Equal(CapacityKind.Spot, (await stage.Provider.LaunchAsync(request, CancellationToken.None)).Instances.Single().Capacity);
        Assert.Single(stage.Fake.Instances);
    }

    [Fact]
    public async Task WhatALaunchReturned_CountsThoughEc2DoesNotShowItYet()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.HideFor = 3;
        var made = (await stage.Provider.LaunchAsync(stage.Launch(2), CancellationToken.None)).Instances;

        Assert.Empty(await stage.NewProvider().ListAsync(CancellationToken.None));
        Assert.Equal(made, await stage.Provider.ListAsync(CancellationToken.None));
        Assert.All(await stage.Provider.ListAsync(CancellationToken.None), i => Assert.Equal((InstanceState.Running, true, "10.0.0.7"), (i.State, i.IsListed, i.Address)));
    }

    [Fact]
    public async Task WhatEc2DoesNotShowForLong_IsGone()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.HideFor = int.MaxValue;
        await stage.Provider.LaunchAsync(stage.Launch(2), CancellationToken.None);

        stage.Clock.Advance(stage.Options.ListedWithin);

        Assert.Empty(await stage.Provider.ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task AList_SaysWhatEachMachineIs_AndOnlyOfItsCluster()
    {
        await using var stage = await Stage.SetUpAsync();
        await stage.Provider.LaunchAsync(stage.Launch(1, Stage.Spot(Stage.Small)) with { Labels = new Dictionary<string, string> { ["team"] = "data" } }, CancellationToken.None);
        var other = new Ec2Provider(stage.Client, "c2", stage.Options, stage.Clock);
        await other.LaunchAsync(stage.Launch(1) with { Cluster = "c2" }, CancellationToken.None);

        var running = (await stage.Provider.ListAsync(CancellationToken.None)).Single();
        Assert.Equal(new Instance(stage.Fake.Instances[0].Id, "cpu", LaunchToken.Of(stage.Launch(1)), InstanceState.Running, "m7i.large", "eu-central-1a", CapacityKind.Spot, new DateTimeOffset(2026, 11, 27, 2, 41, 8, TimeSpan.Zero), "10.0.0.7", null, true) { Labels = running.Labels }, running);
        Assert.Equal(new Dictionary<string, string> { ["team"] = "data", ["Name"] = "fanfare c1 cpu" }, running.Labels);

        stage.Fake.Interrupt(running.Id);
        var ended = (await stage.Provider.ListAsync(CancellationToken.None)).Single();
        Assert.Equal((InstanceState.Ended, "Server.SpotInstanceTermination: Instance terminated by Amazon EC2"), (ended.State, ended.Ended));
    }

    [Fact]
    public async Task AnEnd_LeavesOutWhatIsGone_AndIsShownAtOnce()
    {
        await using var stage = await Stage.SetUpAsync();
        var made = (await stage.Provider.LaunchAsync(stage.Launch(5), CancellationToken.None)).Instances.Select(i => i.Id).ToList();

        await stage.Provider.TerminateAsync([made[0], "i-0aaaaaaaaaaaaaaaa", made[1], made[2], "i-0bbbbbbbbbbbbbbbb", made[0]], CancellationToken.None);

        Assert.Equal(made[3..], stage.Fake.Instances.Where(i => i.IsLive).Select(i => i.Id));
        await stage.Provider.TerminateAsync([made[0]], CancellationToken.None);
        foreach (var instance in stage.Fake.Instances.Where(i => !i.IsLive)) instance.State = "running";
        Assert.Equal(made[..3], (await stage.Provider.ListAsync(CancellationToken.None)).Where(i => i.State == InstanceState.Ending).Select(i => i.Id));
        await stage.Provider.TerminateAsync([], CancellationToken.None);
    }

    [Fact]
    public async Task WhatCannotBeEnded_IsNamed_AndTheOthersEnd()
    {
        await using var stage = await Stage.SetUpAsync();
        var made = (await stage.Provider.LaunchAsync(stage.Launch(5), CancellationToken.None)).Instances.Select(i => i.Id).ToList();
        stage.Fake.Instances[2].Tags["protected"] = "";

        var error = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.TerminateAsync(made, CancellationToken.None));

        Assert.StartsWith($"1 of 5 instances were not ended: {made[2]} (EC2 TerminateInstances: OperationNotPermitted", error.Message, StringComparison.Ordinal);
        Assert.Contains("Take the protection against termination off", error.Message, StringComparison.Ordinal);
        Assert.Equal([made[2]], stage.Fake.Instances.Where(i => i.IsLive).Select(i => i.Id));
    }

    [Fact]
    public async Task WhatWasJustMade_IsNotTakenForGone_WhenEc2DoesNotKnowIt()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.HideFor = 1;
        var made = (await stage.Provider.LaunchAsync(stage.Launch(1), CancellationToken.None)).Instances.Single().Id;

        var error = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.TerminateAsync([made], CancellationToken.None));
        Assert.Equal((RefusalReason.NoAnswer, $"1 of 1 instances were not ended: {made} (EC2 does not show it yet; ask again)."), (error.Reason, error.Message));

        await stage.Provider.ListAsync(CancellationToken.None);
        await stage.Provider.TerminateAsync([made], CancellationToken.None);
        Assert.False(stage.Fake.Instances.Single().IsLive);
    }

    [Fact]
    public async Task Labels_AreWritten_ButNotOverWhatTellsTheMachinesApart()
    {
        await using var stage = await Stage.SetUpAsync();
        var made = (await stage.Provider.LaunchAsync(stage.Launch(2), CancellationToken.None)).Instances.Select(i => i.Id).ToList();

        await stage.Provider.LabelAsync(made, new Dictionary<string, string> { ["fanfare:worker"] = "w-1" }, CancellationToken.None);
        Assert.All(await stage.Provider.ListAsync(CancellationToken.None), i => Assert.Equal("w-1", i.Labels["fanfare:worker"]));

        await RefusesAsync("The label 'fanfare:launch' belongs to Fanfare. Name it otherwise.", "fanfare:launch", "x");
        await RefusesAsync("The label 'aws:x' belongs to AWS. Name it otherwise.", "aws:x", "x");
        await RefusesAsync("The label 'a' has a value of 257 characters. Give it at most 256.", "a", new string('x', 257));
        await RefusesAsync("The label '' has 0 characters in its name. Give it 1 to 128.", "", "x");
        var gone = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.LabelAsync(["i-0aaaaaaaaaaaaaaaa"], new Dictionary<string, string> { ["a"] = "b" }, CancellationToken.None));
        Assert.Contains("InvalidInstanceID.NotFound", gone.Message, StringComparison.Ordinal);

        async Task RefusesAsync(string message, string name, string value) =>
            Assert.Equal(message, (await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.LabelAsync(made, new Dictionary<string, string> { [name] = value }, CancellationToken.None))).Message);
    }

    [Fact]
    public async Task MachinesAndPrices_AreWhatEc2Says_TheCheapestFirst()
    {
        await using var stage = await Stage.SetUpAsync();
        MachineType cpu = new("m7g.large", 2, 8192, "arm64", null, 0, 0, true), gpu = new("p5.48xlarge", 192, 2097152, "x86_64", "H100", 8, 655360, false);
        stage.Fake.Types.AddRange([cpu, gpu]);
        var now = stage.Clock.GetUtcNow();
        SpotPrice old = new("m7g.large", "eu-central-1a", 0.02m, now.AddHours(-3)), a = new("m7g.large", "eu-central-1a", 0.0391m, now.AddHours(-1)), b = new("m7g.large", "eu-central-1b", 0.0312m, now);
        stage.Fake.Prices.AddRange([a, old, b]);

        Assert.Equal([cpu, gpu], await stage.Provider.MachinesAsync(["m7g.large", "p5.48xlarge", "none"], CancellationToken.None));
        Assert.Equal([b, a], await stage.Provider.SpotPricesAsync(["m7g.large"], CancellationToken.None));
        Assert.Empty(await stage.Provider.SpotPricesAsync([], CancellationToken.None));
    }

    [Fact]
    public async Task ARequestThatCannotBeServed_IsRefusedUnsent_WithItsRule()
    {
        await using var stage = await Stage.SetUpAsync();
        var fine = stage.Launch(1);

        await RefusesAsync("It is of cluster 'c2', and these are the machines of 'c1'.", fine with { Cluster = "c2" });
        await RefusesAsync("It names no launch template. Give its id or name", fine with { Template = "" });
        await RefusesAsync("Its launch template is 'a:'. Write the id or name", fine with { Template = "a:" });
        await RefusesAsync("The label 'fanfare:pool' belongs to Fanfare", fine with { Labels = new Dictionary<string, string> { ["fanfare:pool"] = "x" } });
        await RefusesAsync("There are 41 labels, and an instance takes 40.", fine with { Labels = Enumerable.Range(0, 41).ToDictionary(i => $"l{i}", _ => "") });
        await RefusesAsync("its count is 0. Ask for 1 to 1000 machines", fine with { Count = 0 });
        Assert.Empty(stage.Fake.Asked);
        Assert.Throws<ArgumentException>(() => new Ec2Provider(stage.Client, "", stage.Options, stage.Clock));

        async Task RefusesAsync(string rule, LaunchRequest request)
        {
            var error = await Assert.ThrowsAsync<InstanceProviderException>(() => stage.Provider.LaunchAsync(request, CancellationToken.None));
            Assert.StartsWith("Launch 'l-1' of pool 'cpu' cannot be asked for", error.Message, StringComparison.Ordinal);
            Assert.Contains(rule, error.Message, StringComparison.Ordinal);
        }
    }
}
