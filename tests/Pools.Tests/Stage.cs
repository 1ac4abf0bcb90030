using Amazon;
using Amazon.Runtime;
using Fanfare.Pools.Ec2;
using Fanfare.Pools.Tests.Fake;

namespace Fanfare.Pools.Tests;

/// <summary>A fake EC2 with a client and a provider in front of it.</summary>
internal sealed class Stage : IAsyncDisposable
{
    public const string Cluster = "c1";

    public static readonly MachineChoice Small = new("m7i.large", "eu-central-1a"), SmallB = new("m7i.large", "eu-central-1b"), Other = new("m7a.large", "eu-central-1a");

    private Stage(FakeEc2 fake, FastClock clock, Ec2Options options)
    {
        (Fake, Clock, Options) = (fake, clock, options);
        fake.Clock = clock;
        Client = NewClient();
        Provider = NewProvider();
    }

    public FakeEc2 Fake { get; }

    public FastClock Clock { get; }

    public Ec2Options Options { get; }

    public Ec2Client Client { get; }

    public Ec2Provider Provider { get; }

    public static async Task<Stage> SetUpAsync(Ec2Options? options = null)
    {
        var fake = await FakeEc2.StartAsync();
        return new Stage(fake, new FastClock(), options ?? new Ec2Options());
    }

    public Ec2Client NewClient(double chance = 0.5, TimeProvider? clock = null) => new(Options, new Ec2Place(Fake.Url, RegionEndpoint.GetBySystemName(Signature.Region)), new BasicAWSCredentials(Signature.KeyId, Signature.Secret), clock ?? Clock, () => chance);

    /// <summary>A provider that knows nothing of what others did, as after a restart.</summary>
    public Ec2Provider NewProvider(IEc2? ec2 = null) => new(ec2 ?? Client, Cluster, Options, Clock);

    public LaunchRequest Launch(int count, params Offering[] offerings) => new()
    {
        Cluster = Cluster,
        Pool = "cpu",
        Id = "l-1",
        AskedAt = Clock.GetUtcNow(),
        Count = count,
        Offerings = offerings.Length > 0 ? offerings : [OnDemand(Small)],
        Template = "fanfare-cpu:7",
    };

    public static Offering OnDemand(params MachineChoice[] choices) => new(CapacityKind.OnDemand) { Choices = choices };

    public static Offering Spot(params MachineChoice[] choices) => new(CapacityKind.Spot) { Choices = choices };

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Fake.DisposeAsync();
    }
}
