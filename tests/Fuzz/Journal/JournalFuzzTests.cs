using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Xunit.Abstractions;

namespace Fanfare.Fuzz.Journal;

/// <summary>Journals whose events were damaged, one by one: each stream is replayed, or refused with a declared error; none becomes another by being misread.</summary>
public sealed class JournalFuzzTests(ITestOutputHelper output)
{
    public static TheoryData<string> Corpora() => Corpus.Names("journal");

    /// <summary>A corpus names a recorded stream by its kind and an event's type, and gives what stands in that event's place. Where that can be read, and it is for the replay to refuse it, it says <c>unfit</c>.</summary>
    [Theory]
    [MemberData(nameof(Corpora))]
    public async Task WhatOnceBroke_IsRefused(string name)
    {
        await using var scene = await JournalScene.MakeAsync();
        var corpus = JsonNode.Parse(Corpus.Text("journal", name))!;
        var type = $"\"t\":\"{(string)corpus["replaces"]!}\"";
        var hit = scene.Events.First(e => Encoding.UTF8.GetString(e.Payload).Contains(type, StringComparison.Ordinal));
        if (corpus["payload"] is { } payload) scene.Raw.Run("UPDATE events SET payload = ?1 WHERE position = ?2", Encoding.UTF8.GetBytes((string)payload!), hit.Position);
        if (corpus["column"] is { } column) scene.Raw.Run($"UPDATE events SET {(string)column!} = ?1 WHERE position = ?2", (long)corpus["value"]!, hit.Position);
        Assert.True(StreamId.TryParse(hit.Stream, out var stream));

        var expected = corpus["unfit"] is { } unfit && (bool)unfit ? ReplayVerdict.Outcome.Unfit : ReplayVerdict.Outcome.Unreadable;
        Assert.Equal(expected, await ReplayVerdict.OfAsync(scene, stream, stream.RunId is { } run ? scene.ContextOf(StreamId.Run(stream.Namespace, run)) : null));
    }

    [Theory]
    [MemberData(nameof(Campaign.Seeds), MemberType = typeof(Campaign))]
    public async Task DamagedEvents_AreRefused_OrReplayedAsTheyAre(string seed)
    {
        await using var scene = await JournalScene.MakeAsync();
        var vocabulary = scene.Events.SelectMany(e => JsonNode.Parse(e.Payload)!.AsObject().Select(m => m.Key)).Distinct().Order(StringComparer.Ordinal).ToList();
        var contexts = scene.Journals.SelectMany(j => j).Where(s => s.Kind == StreamKind.Run).ToDictionary(s => s, scene.ContextOf);
        var outcomes = new int[3];
        var campaign = Campaign.Of(nameof(DamagedEvents_AreRefused_OrReplayedAsTheyAre), seed, TimeSpan.FromSeconds(2.5), output);

        await campaign.RunAsync(async (draw, _) =>
        {
            var streams = draw.Among(scene.Journals);
            var stream = draw.Among(streams);
            var name = stream.ToString();
            var events = scene.Events.Where(e => e.Stream == name).ToList();
            var damage = Damage(scene, draw, events, vocabulary);
            try
            {
                var context = stream.RunId is { } run ? contexts[StreamId.Run(stream.Namespace, run)] : null;
                outcomes[(int)await ReplayVerdict.OfAsync(scene, stream, context)]++;
            }
            catch (Exception e)
            {
                throw new FuzzException($"{e.Message}{Environment.NewLine}{Corpus.Keep("journal", damage, "json")}", e);
            }
            finally
            {
                Mend(scene, name, events);
            }
        });

        output.WriteLine($"{outcomes[0]} unreadable, {outcomes[1]} unfit, {outcomes[2]} replayed.");
        Assert.All(outcomes.Sum() > 300 ? outcomes : [1], n => Assert.True(n > 0, "The damage reaches one stage alone."));
    }

    // Says what was done as a corpus does, as far as one can.
    private static string Damage(JournalScene scene, Draw draw, List<RawEvent> events, List<string> vocabulary)
    {
        var hit = draw.Among(events);
        var other = draw.Among(events);
        switch (draw.Below(12))
        {
            case 0:
                scene.Raw.Run("DELETE FROM events WHERE position = ?1", hit.Position);
                return $"event {hit.Sequence} of {hit.Stream} removed";
            case 1:
                scene.Raw.Run("DELETE FROM events WHERE stream_id = (SELECT id FROM streams WHERE name = ?1) AND seq >= ?2", hit.Stream, hit.Sequence);
                if (draw.OneIn(2)) scene.Raw.Run("UPDATE streams SET seq = ?1 WHERE name = ?2", hit.Sequence - 1, hit.Stream);
                return $"{hit.Stream} cut before event {hit.Sequence}";
            case 2:
                scene.Raw.Run("UPDATE events SET payload = ?1 WHERE position = ?2", other.Payload, hit.Position);
                scene.Raw.Run("UPDATE events SET payload = ?1 WHERE position = ?2", hit.Payload, other.Position);
                return $"events {hit.Sequence} and {other.Sequence} of {hit.Stream} swapped";
            case 3:
                var column = draw.Of("version", "seq", "at_us", "stream_id");
                var value = draw.Of(0, -1, 2, 99, long.MaxValue, long.MinValue, 1L << 32);
                // (stream, seq) is unique in the file, whatever is done to it.
                scene.Raw.Run($"UPDATE OR IGNORE events SET {column} = ?1 WHERE position = ?2", value, hit.Position);
                return $"{column} of event {hit.Sequence} of {hit.Stream} is {value}";
            case 4:
                scene.Raw.Run("UPDATE events SET payload = ?1 WHERE position = ?2", draw.Of<object?>(7L, "text", Array.Empty<byte>(), "null"), hit.Position);
                return $"event {hit.Sequence} of {hit.Stream} is no blob";
            default:
                var payload = PayloadMutation.Of(hit.Payload, draw, vocabulary, scene.Events);
                scene.Raw.Run("UPDATE events SET payload = ?1 WHERE position = ?2", payload, hit.Position);
                return JsonSerializer.Serialize(new { replaces = (string?)JsonNode.Parse(hit.Payload)!["t"], payload = Encoding.UTF8.GetString(payload) });
        }
    }

    private static void Mend(JournalScene scene, string stream, List<RawEvent> events)
    {
        scene.Raw.Run("BEGIN");
        foreach (var e in events) scene.Raw.Run("DELETE FROM events WHERE position = ?1", e.Position);
        foreach (var e in events)
            scene.Raw.Run("INSERT INTO events (position, stream_id, seq, at_us, actor, version, payload) VALUES (?1, (SELECT id FROM streams WHERE name = ?2), ?3, 0, 'mended', ?4, ?5)", e.Position, stream, e.Sequence, e.Version, e.Payload);
        scene.Raw.Run("UPDATE streams SET seq = ?1 WHERE name = ?2", (long)events.Count, stream);
        scene.Raw.Run("COMMIT");
    }
}
