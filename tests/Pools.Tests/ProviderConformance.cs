namespace Fanfare.Pools.Tests;

/// <summary>What a provider is tested with.</summary>
internal interface IProviderStage : IAsyncDisposable
{
    IInstanceProvider Provider { get; }

    /// <summary>One that knows nothing of what the former did, as after a restart of the server.</summary>
    IInstanceProvider Restart();

    LaunchRequest Request(int count);

    /// <summary>A type of machine that the provider knows.</summary>
    string Type { get; }

    /// <summary>A machine ends, and nobody told it to.</summary>
    Task DieAsync(Instance instance);

    /// <summary>A while passes.</summary>
    Task PassAsync();
}

/// <summary>What <see cref="IInstanceProvider"/> promises, whatever stands behind it.</summary>
public abstract class ProviderConformance : IAsyncLifetime
{
    private IProviderStage _stage = null!;

    private IInstanceProvider Provider => _stage.Provider;

    private protected abstract Task<IProviderStage> SetUpAsync();

    public async Task InitializeAsync() => _stage = await SetUpAsync();

    public async Task DisposeAsync() => await _stage.DisposeAsync();

    [Fact]
    public async Task ALaunch_MakesAsManyAsAreAskedFor_AndWhatItMadeIsListedAtOnce()
    {
        var request = _stage.Request(3);
        Assert.Equal(request, Provider.Plan(request).Request);

        var answer = await Provider.LaunchAsync(request, CancellationToken.None);
        var listed = await Provider.ListAsync(CancellationToken.None);

        Assert.True(answer.IsSettled);
        Assert.Empty(answer.Refusals);
        Assert.Equal(LaunchToken.Of(request), answer.Token);
        Assert.Equal(3, answer.Instances.Select(i => i.Id).Distinct().Count());
        Assert.Equal(Ids(answer.Instances), Ids(listed));
        foreach (var instance in answer.Instances.Concat(listed))
        {
            Assert.Equal(answer.Token, instance.Launch);
            Assert.Equal(request.Pool, instance.Pool);
            Assert.Equal(_stage.Type, instance.Type);
            Assert.Equal(CapacityKind.OnDemand, instance.Capacity);
            Assert.Contains(instance.State, new[] { InstanceState.Pending, InstanceState.Running });
            Assert.Null(instance.Ended);
            Assert.Equal("blue", instance.Labels["team"]);
            // The worker on it has the machine's name.
            Assert.Matches("^[A-Za-z0-9._-]{1,128}$", instance.Id);
        }
    }

    [Fact]
    public async Task MachinesOfALaunch_AreRunningAfterAWhile()
    {
        var answer = await Provider.LaunchAsync(_stage.Request(2), CancellationToken.None);

        var listed = await UntilAsync(list => list.All(i => i.State == InstanceState.Running && i.IsListed));

        Assert.Equal(Ids(answer.Instances), Ids(listed));
    }

    [Fact]
    public async Task TheSameRequestAgain_MakesNothingTwice_AfterARestartToo()
    {
        var request = _stage.Request(3);
        var first = await Provider.LaunchAsync(request, CancellationToken.None);

        var second = await SettledAsync(request);
        _stage.Restart();
        var third = await SettledAsync(request);

        Assert.Equal(Ids(first.Instances), Ids(second.Instances));
        Assert.Equal(Ids(first.Instances), Ids(third.Instances));
        Assert.Equal(Ids(first.Instances), Ids(await UntilAsync(list => list.Count >= 3)));
    }

    [Fact]
    public async Task AnotherLaunch_MakesMachinesOfItsOwn()
    {
        var first = await Provider.LaunchAsync(_stage.Request(2), CancellationToken.None);
        var second = await Provider.LaunchAsync(_stage.Request(2) with { Id = "l-2" }, CancellationToken.None);

        Assert.NotEqual(first.Token, second.Token);
        Assert.Equal(4, Ids([.. first.Instances, .. second.Instances]).Distinct().Count());
        Assert.Equal(Ids([.. first.Instances, .. second.Instances]), Ids(await Provider.ListAsync(CancellationToken.None)));
    }

    [Fact]
    public async Task AnotherRequestUnderTheSameName_IsRefused_AfterARestartToo()
    {
        var first = await Provider.LaunchAsync(_stage.Request(2), CancellationToken.None);

        var refused = await Assert.ThrowsAsync<InstanceProviderException>(() => Provider.LaunchAsync(_stage.Request(3), CancellationToken.None));
        _stage.Restart();
        var refusedAgain = await Assert.ThrowsAsync<InstanceProviderException>(() => Provider.LaunchAsync(_stage.Request(2) with { Labels = new Dictionary<string, string> { ["team"] = "red" } }, CancellationToken.None));

        foreach (var refusal in new[] { refused, refusedAgain })
        {
            Assert.False(refusal.IsPassing);
            Assert.Contains("use a new id", refusal.Message, StringComparison.Ordinal);
        }
        Assert.Equal(Ids(first.Instances), Ids(await UntilAsync(list => list.Count >= 2)));
    }

    [Fact]
    public async Task WhatIsTerminated_Ends_AndTheOthersGoOn_AndTerminatingItAgainIsNoError()
    {
        var answer = await Provider.LaunchAsync(_stage.Request(3), CancellationToken.None);
        await UntilAsync(list => list.All(i => i.State == InstanceState.Running));
        var (ended, other) = (answer.Instances[0].Id, answer.Instances[1].Id);

        await Provider.TerminateAsync([ended], CancellationToken.None);
        var soon = (await Provider.ListAsync(CancellationToken.None)).SingleOrDefault(i => i.Id == ended);
        Assert.True(soon is null or { State: InstanceState.Ending or InstanceState.Ended }, $"It was told to end, and is {soon}.");
        await Provider.TerminateAsync([ended, ended], CancellationToken.None);
        var list = await UntilAsync(l => l.Single(i => i.Id == ended).State == InstanceState.Ended);

        Assert.False(string.IsNullOrEmpty(list.Single(i => i.Id == ended).Ended));
        Assert.Equal(InstanceState.Running, list.Single(i => i.Id == other).State);
        await Provider.TerminateAsync([ended], CancellationToken.None);
        _stage.Restart();
        await Provider.TerminateAsync([ended], CancellationToken.None);
        Assert.Equal(InstanceState.Running, (await UntilAsync(l => l.Count >= 3)).Single(i => i.Id == other).State);
    }

    [Fact]
    public async Task OneThatDiesByItself_IsEnded_WithAReason_AndTheSameLaunchMakesNoNewOne()
    {
        var request = _stage.Request(2);
        var answer = await Provider.LaunchAsync(request, CancellationToken.None);
        await UntilAsync(list => list.All(i => i.State == InstanceState.Running));

        await _stage.DieAsync(answer.Instances[1]);
        var dead = (await UntilAsync(list => list.Single(i => i.Id == answer.Instances[1].Id).State == InstanceState.Ended)).Single(i => i.Id == answer.Instances[1].Id);
        var again = await SettledAsync(request);
        _stage.Restart();
        var andAgain = await SettledAsync(request);

        Assert.False(string.IsNullOrEmpty(dead.Ended));
        Assert.Equal(Ids(answer.Instances), Ids(again.Instances));
        Assert.Equal(Ids(answer.Instances), Ids(andAgain.Instances));
    }

    [Fact]
    public async Task Labels_AreWrittenOverThoseBefore_AndStay()
    {
        var answer = await Provider.LaunchAsync(_stage.Request(2), CancellationToken.None);
        await UntilAsync(list => list.All(i => i.State == InstanceState.Running));

        await Provider.LabelAsync([answer.Instances[0].Id], new Dictionary<string, string> { ["team"] = "red", ["drained"] = "yes" }, CancellationToken.None);
        _stage.Restart();
        var list = await UntilAsync(l => l.Count >= 2);

        var (labelled, other) = (list.Single(i => i.Id == answer.Instances[0].Id), list.Single(i => i.Id == answer.Instances[1].Id));
        Assert.Equal(("red", "yes"), (labelled.Labels["team"], labelled.Labels["drained"]));
        Assert.Equal("blue", other.Labels["team"]);
        Assert.False(other.Labels.ContainsKey("drained"));
    }

    [Fact]
    public async Task Labels_OfAMachineThatIsNotThere_OrOfTheProvidersOwn_AreRefused()
    {
        var answer = await Provider.LaunchAsync(_stage.Request(1), CancellationToken.None);
        await UntilAsync(list => list.All(i => i.State == InstanceState.Running));

        await Assert.ThrowsAsync<InstanceProviderException>(() => Provider.LabelAsync(["i-0000000000"], new Dictionary<string, string> { ["a"] = "b" }, CancellationToken.None));
        await Assert.ThrowsAsync<InstanceProviderException>(() => Provider.LabelAsync([answer.Instances[0].Id], new Dictionary<string, string> { ["fanfare:pool"] = "b" }, CancellationToken.None));
    }

    [Fact]
    public async Task ALaunchThatNoProviderCouldServe_OrOfAnotherCluster_IsRefused_AndMakesNothing()
    {
        await Assert.ThrowsAsync<InstanceProviderException>(() => Provider.LaunchAsync(_stage.Request(1) with { Count = 0 }, CancellationToken.None));
        await Assert.ThrowsAsync<InstanceProviderException>(() => Provider.LaunchAsync(_stage.Request(1) with { Offerings = [] }, CancellationToken.None));
        await Assert.ThrowsAsync<InstanceProviderException>(() => Provider.LaunchAsync(_stage.Request(1) with { Cluster = "another" }, CancellationToken.None));

        Assert.Empty(await Provider.ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task ARequestLongAfterItWasFirstAskedFor_MakesNothing()
    {
        var answer = await SettledAsync(_stage.Request(2) with { AskedAt = _stage.Request(2).AskedAt - TimeSpan.FromDays(3) });

        Assert.Empty(answer.Instances);
        Assert.Empty(await Provider.ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task TypesThatAreKnown_AreDescribed_AndOthersLeftOut()
    {
        var type = Assert.Single(await Provider.MachinesAsync([_stage.Type, "none.such"], CancellationToken.None));

        Assert.Equal(_stage.Type, type.Name);
        Assert.True(type.VCpus > 0 && type.MemoryMiB > 0);
        Assert.Matches("^(x86_64|arm64)$", type.Architecture);
        Assert.Empty(await Provider.SpotPricesAsync([_stage.Type], CancellationToken.None));
    }

    private static List<string> Ids(IEnumerable<Instance> instances) => [.. instances.Select(i => i.Id).Order(StringComparer.Ordinal)];

    private async Task<LaunchAnswer> SettledAsync(LaunchRequest request)
    {
        for (var tries = 0; tries < 100; tries++)
        {
            var answer = await Provider.LaunchAsync(request, CancellationToken.None);
            if (answer.IsSettled) return answer;
            await _stage.PassAsync();
        }
        throw new TimeoutException("The launch does not settle.");
    }

    private async Task<IReadOnlyList<Instance>> UntilAsync(Func<IReadOnlyList<Instance>, bool> isSo)
    {
        for (var tries = 0; tries < 1000; tries++)
        {
            var list = await Provider.ListAsync(CancellationToken.None);
            if (isSo(list)) return list;
            await _stage.PassAsync();
        }
        throw new TimeoutException($"The list stays {string.Join(", ", await Provider.ListAsync(CancellationToken.None))}.");
    }
}
