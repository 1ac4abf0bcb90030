using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Replay;

/// <summary>What released versions wrote is read for ever, and gives the same state.</summary>
public sealed class ReplayTests
{
    public static TheoryData<string> Fixtures() => [.. Fixture.Names];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Replay_GivesTheStateAndTheOutboxOfTheRecording(string name)
    {
        var fixture = Fixture.Load(name);

        var states = ReplayedStream.StatesOf(fixture.Events);

        Assert.Equal(Strings(fixture.Expected, "stream"), Strings(states, "stream"));
        Assert.All(fixture.Expected.Zip(states), pair => Assert.Null(Difference(pair.First, pair.Second, (string)pair.First!["stream"]!)));
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Events_RoundTripByteForByte(string name)
    {
        var fixture = Fixture.Load(name);

        Assert.All(fixture.Events, e => Assert.Equal(e.Json, JsonSerializer.Serialize(e.Event, ContractsJson.Default.Event)));
        Assert.All(fixture.Events, e => Assert.Equal(JournalFormat.Of(e.Event), e.Version));
        Assert.Equal(fixture.Version, fixture.Events.Max(e => e.Version));
        Assert.InRange(fixture.Version, 1, JournalFormat.Version);
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void AcknowledgedMessages_AreNotMadeAgain_AndTheOthersAre(string name)
    {
        var fixture = Fixture.Load(name);
        foreach (var stream in fixture.Events.Select(e => e.Stream).Distinct())
        {
            var all = ReplayedStream.OutboxOf(ReplayedStream.EntityOf(stream, fixture.Events, acknowledged: 0)).Select(m => m.Sequence).ToList();
            var half = all.Count / 2;

            // What a stream had sent before it was carried on is not made again in any case.
            var before = fixture.Events.Where(e => e.Stream == stream).Select(e => e.Event).OfType<CarriedEvent>().FirstOrDefault()?.Sent ?? 0;
            var late = ReplayedStream.OutboxOf(ReplayedStream.EntityOf(stream, fixture.Events, acknowledged: before + half));

            Assert.Equal(Enumerable.Range(1, all.Count).Select(n => before + n), all);
            Assert.Equal(all.Skip(half), late.Select(m => m.Sequence));
            Assert.False(ReplayedStream.EntityOf(stream, fixture.Events, acknowledged: long.MaxValue).HasOutbox);
        }
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Deployments_KeepTheirSpecAndDigest_AndStandWhenDeployedAgain_UnlessTheyWereDeleted(string name)
    {
        var fixture = Fixture.Load(name);
        foreach (var recorded in fixture.Events.Where(e => e.Event is FlowDeployed))
        {
            var deployed = (FlowDeployed)recorded.Event;
            var spec = FlowSpecJson.Read(deployed.Spec);
            var flow = (FlowEntity)ReplayedStream.EntityOf(recorded.Stream, fixture.Events, acknowledged: 0);

            var version = deployed.Version > flow.Deleted ? deployed.Version : flow.Latest + 1;
            var again = flow.Deploy(new DeployFlow(recorded.Stream.Namespace, "replay", spec, deployed.Source, deployed.Package),
                deployed.Spec, deployed.Digest, new Moment(recorded.At, "replay", 0, "replay", TimeSpan.Zero));

            Assert.Equal(deployed.Spec, FlowSpecJson.Write(spec));
            Assert.Equal(deployed.Digest, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{deployed.Spec}\n{deployed.Package}"))));
            Assert.Equal(new Deployed(recorded.Stream.Name, version, deployed.Digest, New: version > deployed.Version), again);
        }
    }

    [Fact]
    public void EveryEvent_IsInAFixture()
    {
        var recorded = Fixture.Names.SelectMany(n => Fixture.Load(n).Events).Select(e => e.Event.GetType()).ToHashSet();

        var known = typeof(Event).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false).Cast<JsonDerivedTypeAttribute>().Select(a => a.DerivedType).ToList();

        Assert.NotEmpty(known);
        Assert.Equal(known.OrderBy(t => t.Name), recorded.OrderBy(t => t.Name));
    }

    [Fact]
    public void EveryMessage_IsInAFixture()
    {
        var recorded = Fixture.Names.SelectMany(n => Fixture.Load(n).Expected).SelectMany(s => s!["outbox"]!.AsArray()).Select(m => (string)m!["message"]!["t"]!).ToHashSet();

        var known = typeof(EntityMessage).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false).Cast<JsonDerivedTypeAttribute>().Select(a => (string)a.TypeDiscriminator!).ToList();

        Assert.NotEmpty(known);
        Assert.Equal(known.Order(), recorded.Order());
    }

    [Theory]
    [InlineData("""{"a":1,"b":[1,2]}""", """{"a":1,"b":[1,2],"new":3}""", null)]
    [InlineData("""{"a":null}""", """{"a":1}""", "x.a")]
    [InlineData("""{"a":1}""", """{}""", "x.a")]
    [InlineData("""{"b":[1,2]}""", """{"b":[1,2,3]}""", "x.b")]
    [InlineData("""{"b":[{"c":"d"}]}""", """{"b":[{"c":"e"}]}""", "x.b[0].c")]
    public void TheComparison_AllowsNewMembersOnly(string expected, string actual, string? where)
    {
        var difference = Difference(JsonNode.Parse(expected), JsonNode.Parse(actual), "x");

        Assert.Equal(where, difference?[..difference.IndexOf(':', StringComparison.Ordinal)]);
    }

    private static IEnumerable<string> Strings(JsonArray array, string member) => array.Select(n => (string)n![member]!);

    // The first place where the actual state lacks or contradicts the expected. Members that a later release added are let be.
    private static string? Difference(JsonNode? expected, JsonNode? actual, string path)
    {
        switch (expected)
        {
            case JsonObject members when actual is JsonObject others:
                return members.Select(m => others.ContainsKey(m.Key) ? Difference(m.Value, others[m.Key], $"{path}.{m.Key}") : $"{path}.{m.Key}: is missing").FirstOrDefault(d => d is not null);
            case JsonArray items when actual is JsonArray others && items.Count == others.Count:
                return items.Select((item, i) => Difference(item, others[i], $"{path}[{i}]")).FirstOrDefault(d => d is not null);
            default:
                return JsonNode.DeepEquals(expected, actual) ? null : $"{path}: expected {expected?.ToJsonString() ?? "null"}, got {actual?.ToJsonString() ?? "null"}";
        }
    }
}
