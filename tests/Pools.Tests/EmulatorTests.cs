using System.Globalization;
using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Signing;
using Fanfare.Pools.Ec2;

namespace Fanfare.Pools.Tests;

/// <summary>A test against something that speaks as EC2 does, whose URL <c>FANFARE_EC2_ENDPOINT</c> has. An account of its own, please: it makes a launch template and machines, and ends the machines.</summary>
public sealed class EmulatorFactAttribute : FactAttribute
{
    public const string Variable = "FANFARE_EC2_ENDPOINT";

    public EmulatorFactAttribute() => Skip = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } ? null : $"{Variable} names no emulator of EC2, as in http://127.0.0.1:5000.";
}

public sealed class EmulatorTests
{
    private static readonly BasicAWSCredentials Credentials = new("testing", "testing");

    [EmulatorFact]
    public async Task TheClient_DoesItsWholeWorkAgainstAnEmulator()
    {
        var options = new Ec2Options { Region = "us-east-1", Endpoint = new Uri(Environment.GetEnvironmentVariable(EmulatorFactAttribute.Variable)!) };
        var place = Ec2Place.Of(options, _ => null);
        var name = $"fanfare-{Guid.NewGuid():n}";
        await MakeTemplateAsync(place, name);
        using var client = new Ec2Client(options, place, Credentials, TimeProvider.System, Random.Shared.NextDouble);
        var provider = new Ec2Provider(client, name, options, TimeProvider.System);

        Assert.Equal([new MachineType("t3.large", 2, 8192, "x86_64", null, 0, 0, true)], await provider.MachinesAsync(["t3.large", "t0.none"], CancellationToken.None));
        Assert.Equal(("T4", 4), (await provider.MachinesAsync(["g4dn.12xlarge"], CancellationToken.None)).Select(m => (m.Gpu, m.Gpus)).Single());
        Assert.All(await provider.SpotPricesAsync(["t3.large"], CancellationToken.None), p => Assert.Equal("t3.large", p.Type));
        Assert.Empty(await provider.ListAsync(CancellationToken.None));

        var request = new LaunchRequest
        {
            Cluster = name,
            Pool = "cpu",
            Id = "l-1",
            AskedAt = DateTimeOffset.UtcNow,
            Count = 3,
            Template = name + ":1",
            Offerings = [Stage.OnDemand(new MachineChoice("t3.large", "us-east-1a"), new MachineChoice("t3.medium", "us-east-1a"))],
            Labels = new Dictionary<string, string> { ["team"] = "data & ml = ü" },
        };
        var answer = await provider.LaunchAsync(request, CancellationToken.None);
        Assert.True(answer.IsSettled, string.Join("; ", answer.Refusals));
        Assert.Equal(3, answer.Instances.Count);

        string[] ids = [.. answer.Instances.Select(i => i.Id).Order(StringComparer.Ordinal)];
        await provider.LabelAsync(ids, new Dictionary<string, string> { ["worker"] = "w-1" }, CancellationToken.None);
        var listed = await new Ec2Provider(client, name, options, TimeProvider.System).ListAsync(CancellationToken.None);
        Assert.Equal(ids, listed.Select(i => i.Id).Order(StringComparer.Ordinal));
        Assert.All(listed, i => Assert.Equal(("cpu", answer.Token, "data & ml = ü", "w-1"), (i.Pool, i.Launch, i.Labels["team"], i.Labels["worker"])));
        Assert.Equal(ids, (await new Ec2Provider(client, name, options, TimeProvider.System).LaunchAsync(request with { AskedAt = request.AskedAt.AddHours(-2) }, CancellationToken.None)).Instances.Select(i => i.Id).Order(StringComparer.Ordinal));

        var spot = await provider.LaunchAsync(request with { Id = "l-2", Count = 2, Offerings = [Stage.Spot(new MachineChoice("t3.large", "us-east-1a"), new MachineChoice("t3.medium", "us-east-1b"))] }, CancellationToken.None);
        Assert.Equal([CapacityKind.Spot, CapacityKind.Spot], spot.Instances.Select(i => i.Capacity));
        ids = [.. ids, .. spot.Instances.Select(i => i.Id)];

        await provider.TerminateAsync([.. ids, "i-0aaaaaaaaaaaaaaaa"], CancellationToken.None);
        Assert.All(await provider.ListAsync(CancellationToken.None), i => Assert.True(i.State is InstanceState.Ending or InstanceState.Ended, i.State.ToString()));
    }

    /// <summary>What the provider finds ready in an account: the client has no action for it.</summary>
    private static async Task MakeTemplateAsync(Ec2Place place, string name)
    {
        using var http = new HttpClient(new SigV4SigningHandler(Credentials, RegionEndpoint.USEast1, "ec2", new SocketsHttpHandler()));
        var image = (await PostAsync(("Action", "DescribeImages"), ("Owner.1", "amazon"))).Split("<imageId>")[1].Split('<')[0];
        await PostAsync(("Action", "CreateLaunchTemplate"), ("LaunchTemplateName", name), ("LaunchTemplateData.ImageId", image));

        async Task<string> PostAsync(params (string Name, string Value)[] fields)
        {
            using var content = new FormUrlEncodedContent([new("Version", Ec2Form.Version), .. fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))]);
            using var answer = await http.PostAsync(place.Endpoint, content);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.IsSuccessStatusCode, string.Create(CultureInfo.InvariantCulture, $"{(int)answer.StatusCode} {text}"));
            return text;
        }
    }
}
