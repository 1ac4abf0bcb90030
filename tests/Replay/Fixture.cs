using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;

namespace Fanfare.Replay;

/// <summary>An event as a fixture keeps it: with the very text that the journal held.</summary>
internal sealed record RecordedEvent(StreamId Stream, int Version, long Sequence, DateTimeOffset At, string Actor, string Json)
{
    public Event Event => JsonSerializer.Deserialize(Json, ContractsJson.Default.Event) ?? throw new JsonException("The event is null.");

    public JournalEvent Entry => new(Sequence, At, Actor, Event);

    public static RecordedEvent Read(string line)
    {
        using var document = JsonDocument.Parse(line);
        var root = document.RootElement;
        var name = root.GetProperty("stream").GetString()!;
        if (!StreamId.TryParse(name, out var stream)) throw new FormatException($"'{name}' is no stream.");
        return new RecordedEvent(stream, root.GetProperty("version").GetInt32(), root.GetProperty("sequence").GetInt64(),
            root.GetProperty("at").GetDateTimeOffset(), root.GetProperty("actor").GetString()!, root.GetProperty("event").GetRawText());
    }

    // By hand, so that the event's text stays as it is.
    public string Write() =>
        $$"""{"stream":{{Quote(Stream.ToString())}},"version":{{Version}},"sequence":{{Sequence}},"at":"{{At.UtcDateTime:O}}","actor":{{Quote(Actor)}},"event":{{Json}}}""";

    private static string Quote(string text) => JsonValue.Create(text).ToJsonString(ReplayedStream.Json);
}

/// <summary>The journal of a run that ended, written in the format <see cref="Version"/> by the release that was the first to have it, or a later one, and the state that it must give
/// for ever. Fixtures are added and never changed: who must change one has broken what released versions wrote.</summary>
internal sealed record Fixture(string Name, IReadOnlyList<RecordedEvent> Events, JsonArray Expected)
{
    private const string EventsFile = "journal.jsonl", ExpectedFile = "expected.json";

    private static readonly string Folder = Path.Combine(Repository(), "tests", "Replay", "Fixtures");

    public static IReadOnlyList<string> Names => [.. Directory.GetDirectories(Folder).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];

    /// <summary>The newest format that one of its events needs: what the name begins with.</summary>
    public int Version => int.Parse(Name[..Name.IndexOf('-', StringComparison.Ordinal)], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Whether there is one of the scenario, in any format.</summary>
    public static bool Exists(string scenario) => Names.Any(name => name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..] == scenario);

    public static Fixture Load(string name)
    {
        var folder = Path.Combine(Folder, name);
        var events = File.ReadLines(Path.Combine(folder, EventsFile)).Select(RecordedEvent.Read).ToList();
        return new Fixture(name, events, JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ExpectedFile)))!.AsArray());
    }

    public void Save()
    {
        var folder = Path.Combine(Folder, Name);
        if (Directory.Exists(folder)) throw new InvalidOperationException($"{folder} exists. Fixtures are never changed; record under another name.");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, EventsFile), string.Concat(Events.Select(e => e.Write() + "\n")));
        // A line a stream: short enough to read, and a difference shows where it is.
        File.WriteAllText(Path.Combine(folder, ExpectedFile), $"[\n{string.Join(",\n", Expected.Select(s => s!.ToJsonString(ReplayedStream.Json)))}\n]\n");
    }

    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Scheduler.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("Scheduler.sln is in no folder above the test's.");
    }
}
