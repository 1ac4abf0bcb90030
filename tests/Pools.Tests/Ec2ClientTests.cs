using System.Net.Sockets;
using Amazon;
using Amazon.Runtime;
using Fanfare.Pools.Ec2;
using Fanfare.Pools.Tests.Fake;

namespace Fanfare.Pools.Tests;

public sealed class Ec2ClientTests
{
    private static readonly Dictionary<string, string> Tags = new() { ["fanfare:cluster"] = "c1" };

    private static FleetRequest Fleet => new("token-1", "fanfare-cpu", "7", Stage.OnDemand(Stage.Small), 2, Tags);

    [Fact]
    public async Task ARequest_IsSignedByVersion4()
    {
        await using var stage = await Stage.SetUpAsync();

        Assert.Empty(await stage.Client.DescribeInstancesAsync(Tags, CancellationToken.None));

        using var forger = new Ec2Client(stage.Options, new Ec2Place(stage.Fake.Url, RegionEndpoint.EUCentral1), new BasicAWSCredentials(Signature.KeyId, "another secret"), stage.Clock, () => 0);
        var refused = await Assert.ThrowsAsync<Ec2Exception>(() => forger.DescribeInstancesAsync(Tags, CancellationToken.None));
        Assert.Equal(("SignatureDoesNotMatch", RefusalReason.NotAllowed), (refused.Code, refused.Reason));
        Assert.Equal(2, stage.Fake.Asked.Count);
    }

    [Theory]
    [InlineData(Trouble.Throttled)]
    [InlineData(Trouble.Error500)]
    [InlineData(Trouble.Error503WithoutBody)]
    [InlineData(Trouble.CutBefore)]
    [InlineData(Trouble.CutAfter)]
    [InlineData(Trouble.GarbageAfter)]
    [InlineData(Trouble.DoctypeAfter)]
    internal async Task WhatPasses_IsTriedAgain_WithTheSameToken(Trouble trouble)
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Next("CreateFleet", trouble, trouble);

        var answer = await stage.Client.CreateFleetAsync(Fleet, CancellationToken.None);

        Assert.Equal(stage.Fake.Instances.Select(i => i.Id), answer.Instances.Single().Ids);
        Assert.Equal(2, stage.Fake.Instances.Count);
        Assert.Equal(3, stage.Fake.Asked.Count);
        Assert.Single(stage.Fake.Asked.Select(a => a.Sorted).Distinct());
    }

    [Theory]
    [InlineData(Trouble.Throttled, RefusalReason.Throttled, "RequestLimitExceeded")]
    [InlineData(Trouble.Error500, RefusalReason.NoAnswer, "InternalError")]
    [InlineData(Trouble.CutBefore, RefusalReason.NoAnswer, "")]
    internal async Task ItIsGivenUp_AfterTheTriesThatAreSet(Trouble trouble, RefusalReason reason, string code)
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { Attempts = 3 });
        stage.Fake.Next("DescribeInstances", trouble, trouble, trouble);

        var error = await Assert.ThrowsAsync<Ec2Exception>(() => stage.Client.DescribeInstancesAsync(Tags, CancellationToken.None));

        Assert.Equal((reason, code), (error.Reason, error.Code));
        Assert.Contains("(3 tries)", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, stage.Fake.Asked.Count);
    }

    [Fact]
    public async Task ALostAnswer_IsNotForgotten_WhenTheLastTryIsThrottled()
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { Attempts = 2 });
        stage.Fake.Next("CreateFleet", Trouble.CutAfter, Trouble.Throttled);

        var error = await Assert.ThrowsAsync<Ec2Exception>(() => stage.Client.CreateFleetAsync(Fleet, CancellationToken.None));

        Assert.Equal(RefusalReason.NoAnswer, error.Reason);
        Assert.Equal(2, stage.Fake.Instances.Count);
    }

    [Theory]
    [InlineData(400, "InvalidLaunchTemplateName.NotFoundException", RefusalReason.Invalid)]
    [InlineData(403, "UnauthorizedOperation", RefusalReason.NotAllowed)]
    [InlineData(400, "MaxFleetCountExceeded", RefusalReason.OverLimit)]
    [InlineData(500, "InsufficientInstanceCapacity", RefusalReason.NoCapacity)]
    [InlineData(400, "InsufficientFreeAddressesInSubnet", RefusalReason.NoAddress)]
    [InlineData(400, "Unsupported", RefusalReason.Unsupported)]
    public async Task WhatIsRefused_IsNotTriedAgain(int status, string code, RefusalReason reason)
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.NextRefusal("CreateFleet", status, code, "As things are, no.");

        var error = await Assert.ThrowsAsync<Ec2Exception>(() => stage.Client.CreateFleetAsync(Fleet, CancellationToken.None));

        Assert.Equal((code, reason), (error.Code, error.Reason));
        Assert.Equal($"EC2 CreateFleet: {code}: As things are, no. (HTTP {status})", error.Message);
        Assert.Single(stage.Fake.Asked);
        Assert.Empty(stage.Clock.Waits);
    }

    [Fact]
    public async Task WaitsBetweenTries_GrowAndAreBounded_AndAreLongerWhenThrottled()
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { Attempts = 6, MostDelay = TimeSpan.FromSeconds(3) });
        stage.Fake.Next("DescribeInstances", Trouble.Error500, Trouble.Error500, Trouble.Throttled, Trouble.Throttled, Trouble.Throttled);

        await stage.Client.DescribeInstancesAsync(Tags, CancellationToken.None);

        Assert.Equal([0.1, 0.2, 1.5, 1.5, 1.5], stage.Clock.Waits.Select(w => w.TotalSeconds));
    }

    [Fact]
    public void ABackoff_IsAnythingFromNothingToItsBound()
    {
        TimeSpan first = TimeSpan.FromSeconds(1), most = TimeSpan.FromSeconds(10);

        Assert.Equal([0, 0.5, 0.999], new[] { 0, 0.5, 0.999 }.Select(chance => Backoff.Delay(1, first, most, chance).TotalSeconds));
        Assert.Equal([1, 2, 4, 8, 10, 10, 10], new[] { 1, 2, 3, 4, 5, 40, int.MaxValue }.Select(failures => Backoff.Delay(failures, first, most, 1).TotalSeconds));
    }

    [Fact]
    public async Task ARedirect_IsNotFollowed()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Next("DescribeInstances", Trouble.Redirect);

        var error = await Assert.ThrowsAsync<Ec2Exception>(() => stage.Client.DescribeInstancesAsync(Tags, CancellationToken.None));

        Assert.Contains("Redirects are not followed", error.Message, StringComparison.Ordinal);
        Assert.Single(stage.Fake.Asked);
    }

    [Fact]
    public async Task ASilentServer_IsLeftAfterTheTimeOfOneTry()
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { AttemptTimeout = TimeSpan.FromMilliseconds(300), RetryDelay = TimeSpan.Zero });
        stage.Fake.Next("DescribeInstances", Trouble.Hang);
        using var client = stage.NewClient(clock: TimeProvider.System);

        Assert.Empty(await client.DescribeInstancesAsync(Tags, CancellationToken.None));
        Assert.Equal(2, stage.Fake.Asked.Count);
    }

    [Fact]
    public async Task ACancel_IsThrown_WhateverIsUnderWay()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.Next("DescribeInstances", Trouble.Hang);
        using var cancel = new CancellationTokenSource();

        var asking = stage.Client.DescribeInstancesAsync(Tags, cancel.Token);
        while (stage.Fake.Asked.Count == 0) await Task.Yield();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    [Fact]
    public async Task NobodyThere_IsNoAnswer()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var url = new Uri($"http://127.0.0.1:{((System.Net.IPEndPoint)listener.LocalEndpoint).Port}/");
        listener.Stop();
        using var client = new Ec2Client(new Ec2Options { Attempts = 2 }, new Ec2Place(url, RegionEndpoint.EUCentral1), new BasicAWSCredentials(Signature.KeyId, Signature.Secret), new FastClock(), () => 0);

        var error = await Assert.ThrowsAsync<Ec2Exception>(() => client.DescribeInstancesAsync(Tags, CancellationToken.None));

        Assert.Equal(RefusalReason.NoAnswer, error.Reason);
        Assert.Contains(url.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_AreReadOverAllPages()
    {
        await using var stage = await Stage.SetUpAsync();
        stage.Fake.PageSize = 3;
        await stage.Client.CreateFleetAsync(Fleet with { Count = 8 }, CancellationToken.None);
        string[] types = [.. Enumerable.Range(0, 7).Select(i => $"m{i}.large")];
        stage.Fake.Types.AddRange(types.Select(t => new MachineType(t, 2, 8192, "x86_64", null, 0, 0, true)));
        stage.Fake.Prices.AddRange(types.Select(t => new SpotPrice(t, "eu-central-1a", 0.04m, stage.Clock.GetUtcNow())));

        Assert.Equal(stage.Fake.Instances.Select(i => i.Id), (await stage.Client.DescribeInstancesAsync(Tags, CancellationToken.None)).Select(i => i.Id));
        Assert.Equal(types, (await stage.Client.DescribeInstanceTypesAsync(types, CancellationToken.None)).Select(t => t.Name));
        Assert.Equal(types, (await stage.Client.DescribeSpotPriceHistoryAsync(types, CancellationToken.None)).Select(p => p.Type));
        Assert.Equal((3, 3, 3), (stage.Fake.Count("DescribeInstances"), stage.Fake.Count("DescribeInstanceTypes"), stage.Fake.Count("DescribeSpotPriceHistory")));
    }

    [Fact]
    public async Task ManyTypes_AreAskedForInParts()
    {
        await using var stage = await Stage.SetUpAsync();
        string[] types = [.. Enumerable.Range(0, 250).Select(i => $"m{i}.large")];
        stage.Fake.Types.AddRange(types.Select(t => new MachineType(t, 2, 8192, "arm64", null, 0, 0, false)));

        Assert.Equal(types, (await stage.Client.DescribeInstanceTypesAsync([.. types, types[0], "none.large"], CancellationToken.None)).Select(t => t.Name));
        Assert.Equal(3, stage.Fake.Asked.Count);
    }

    [Fact]
    public async Task AWildcardInAFiltersValue_StandsForItself()
    {
        await using var stage = await Stage.SetUpAsync();

        await stage.Client.DescribeInstancesAsync(new Dictionary<string, string> { ["a"] = @"b*c?d\e" }, CancellationToken.None);

        Assert.Equal(@"b\*c\?d\\e", stage.Fake.Asked.Single().Fields["Filter.1.Value.1"]);
    }

    [Theory]
    [InlineData(null, null, null, "https://ec2.us-west-2.amazonaws.com/")]
    [InlineData(null, null, "http://127.0.0.1:5000", "http://127.0.0.1:5000/")]
    [InlineData(null, "http://127.0.0.1:5001", "http://127.0.0.1:5000", "http://127.0.0.1:5001/")]
    [InlineData("http://127.0.0.1:5002", "http://127.0.0.1:5001", "http://127.0.0.1:5000", "http://127.0.0.1:5002/")]
    public void TheEndpoint_IsTheNearestThatIsSet(string? option, string? ofEc2, string? ofAll, string endpoint)
    {
        var place = Ec2Place.Of(new Ec2Options { Endpoint = option is null ? null : new Uri(option) }, Variables(("AWS_REGION", "us-west-2"), ("AWS_ENDPOINT_URL_EC2", ofEc2), ("AWS_ENDPOINT_URL", ofAll)));

        Assert.Equal((endpoint, "us-west-2"), (place.Endpoint.ToString(), place.Region.SystemName));
    }

    [Theory]
    [InlineData("eu-west-1", "us-west-2", "https://ec2.eu-west-1.amazonaws.com/")]
    [InlineData("cn-north-1", null, "https://ec2.cn-north-1.amazonaws.com.cn/")]
    [InlineData(null, "us-west-2", "https://ec2.us-west-2.amazonaws.com/")]
    public void TheRegion_IsTheOptionsOrTheEnvironments(string? option, string? variable, string endpoint) =>
        Assert.Equal(endpoint, Ec2Place.Of(new Ec2Options { Region = option }, Variables(("AWS_DEFAULT_REGION", variable))).Endpoint.ToString());

    [Fact]
    public async Task AClient_IsOpenedWithWhatTheEnvironmentSays()
    {
        await using var fake = await FakeEc2.StartAsync();
        // No other test here reads these.
        var variables = new Dictionary<string, string> { ["AWS_REGION"] = Signature.Region, ["AWS_ENDPOINT_URL_EC2"] = fake.Url.ToString(), ["AWS_ACCESS_KEY_ID"] = Signature.KeyId, ["AWS_SECRET_ACCESS_KEY"] = Signature.Secret, ["AWS_SESSION_TOKEN"] = "a-session" };
        var before = variables.Keys.ToDictionary(name => name, Environment.GetEnvironmentVariable);
        foreach (var (name, value) in variables) Environment.SetEnvironmentVariable(name, value);
        try
        {
            using var client = await Ec2Client.OpenAsync(new Ec2Options(), TimeProvider.System, CancellationToken.None);

            Assert.Empty(await client.DescribeInstancesAsync(Tags, CancellationToken.None));
            Assert.Equal("a-session", fake.Asked.Single().Session);
        }
        finally
        {
            foreach (var (name, value) in before) Environment.SetEnvironmentVariable(name, value);
        }
    }

    [Fact]
    public void WhatIsSetWrongly_IsToldWithItsRule()
    {
        Refuses("AWS_ENDPOINT_URL is 'localhost:1'. Set it to a URL", new Ec2Options { Region = "eu-west-1" }, ("AWS_ENDPOINT_URL", "localhost:1"));
        Refuses("The region of EC2 is 'Frankfurt'. Set the option region, or AWS_REGION, to a name like eu-central-1.", new Ec2Options { Region = "Frankfurt" });
        Refuses("Endpoint of EC2 is ftp://x/. Set it to a URL", new Ec2Options { Endpoint = new Uri("ftp://x/") });
        Refuses("Attempts of EC2 is 0. Set it to 1 to 20.", new Ec2Options { Attempts = 0 });
        Refuses("AttemptTimeout of EC2 is 00:00:00", new Ec2Options { AttemptTimeout = TimeSpan.Zero });
        Refuses("MostDelay of EC2 is -00:00:01", new Ec2Options { MostDelay = TimeSpan.FromSeconds(-1) });
        Refuses("OutOfStockFor of EC2 is 2.00:00:00", new Ec2Options { OutOfStockFor = TimeSpan.FromDays(2) });
        Refuses("RepeatWithin of EC2 is 13:00:00. Set it to 0 to 12 hours.", new Ec2Options { RepeatWithin = TimeSpan.FromHours(13) });

        static void Refuses(string message, Ec2Options options, params (string, string?)[] variables) =>
            Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => Ec2Place.Of(options, Variables(variables))).Message, StringComparison.Ordinal);
    }

    private static Func<string, string?> Variables(params (string Name, string? Value)[] variables) => name => variables.FirstOrDefault(v => v.Name == name).Value;
}
