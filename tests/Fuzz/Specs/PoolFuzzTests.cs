using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Fanfare.Specs;
using Xunit.Abstractions;

namespace Fanfare.Fuzz.Specs;

/// <summary>Files of pools whose structure was changed: the reader refuses each with an error that has a place and a remedy, or takes a pool that is stored, read back, and launched.</summary>
public sealed class PoolFuzzTests(ITestOutputHelper output)
{
    [Theory]
    [MemberData(nameof(Campaign.Seeds), MemberType = typeof(Campaign))]
    public async Task ChangedPools_AreReadOrRefused(string seed)
    {
        var (accepted, refused) = (0, 0);
        var campaign = Campaign.Of(nameof(ChangedPools_AreReadOrRefused), seed, TimeSpan.FromSeconds(1), output);

        var cases = await campaign.RunAsync((draw, _) =>
        {
            var text = PoolText.Of(draw, draw.OneIn(8) ? 0 : draw.OneIn(3) ? draw.Between(2, 9) : 1);
            if (draw.OneIn(10)) text = JsonMutation.Edited(text, draw);
            if (IsTaken(text)) accepted++;
            else refused++;
            return Task.CompletedTask;
        });

        output.WriteLine($"{accepted} accepted, {refused} refused.");
        if (cases > 100) Assert.True(accepted > cases / 50 && refused > cases / 5, $"{accepted} accepted, {refused} refused.");
    }

    private static bool IsTaken(string text)
    {
        try
        {
            var (pool, errors) = PoolFileReader.Read(text);
            Check(pool is null == errors.Count > 0, "It is a pool and has errors, or neither.");
            foreach (var error in errors.Take(500)) Check(error is { Line: >= 1, Column: >= 1, Path: not null, Message.Length: > 0, Remedy.Length: > 0 }, $"It lacks something: {error}");
            if (pool is not null) CheckTaken(pool);
            return pool is not null;
        }
        catch (Exception e)
        {
            throw new FuzzException($"{e}{Environment.NewLine}{Corpus.Keep("spec", text, "yaml")}", e);
        }
    }

    private static void CheckTaken(PoolSpec pool)
    {
        var standing = JsonSerializer.Serialize(new PoolStanding(1, pool, new PoolSetting("ann", DateTimeOffset.UnixEpoch), null), ContractsJson.Default.PoolStanding);
        Check(JsonSerializer.Serialize(JsonSerializer.Deserialize(standing, StoredJson.PoolStanding)!, ContractsJson.Default.PoolStanding) == standing, "It does not come back as it was stored.");
        Check(Names.IsValid(pool.Name) && pool.Queues.All(queue => Names.IsValid(queue)) && pool.Machine.Cpu > 0 && pool.Max is >= 1 and <= PoolSpec.MostMachines && pool.Min >= 0 && pool.Min <= pool.Max && pool.Spare >= 0 && pool.Spare <= pool.Max, "It is out of its bounds.");
        Check(pool.Idle > TimeSpan.Zero && pool.RegisterWithin > TimeSpan.Zero && pool.Lifetime != TimeSpan.Zero && (pool.Provider == PoolProvider.Ec2) == pool.Ec2 is not null, "It is no pool.");
        if (pool.Ec2 is not { } ec2) return;
        new LaunchRequest
        {
            Cluster = "fuzz",
            Pool = pool.Name,
            Id = "1",
            AskedAt = DateTimeOffset.UnixEpoch,
            Count = Math.Min(pool.Max, LaunchRequest.MostInstances),
            Template = ec2.Template,
            Offerings = Offering.Mix(ec2.Choices, ec2.Needs, Math.Min(pool.Max, LaunchRequest.MostInstances), ec2.SpotPercent, ec2.OnDemandFallback, ec2.MaxPrice),
        }.Check();
    }

    private static void Check(bool holds, string what)
    {
        if (!holds) throw new FuzzException(what);
    }
}
