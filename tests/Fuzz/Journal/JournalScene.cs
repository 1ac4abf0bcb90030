using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Fuzz.Kernel;
using Fanfare.Storage;

namespace Fanfare.Fuzz.Journal;

/// <summary>The journals that releases wrote (tests/Replay) in one real store, with a second hand in its file.</summary>
internal sealed class JournalScene : IAsyncDisposable
{
    private readonly string _directory;

    private JournalScene(string directory, SqliteStore store, IReadOnlyList<IReadOnlyList<StreamId>> journals)
    {
        (_directory, Store, Journals) = (directory, store, journals);
        Raw = new RawJournal(directory);
        Events = Raw.Events();
    }

    public SqliteStore Store { get; }

    public RawJournal Raw { get; }

    /// <summary>All events as they were written, by position.</summary>
    public IReadOnlyList<RawEvent> Events { get; }

    /// <summary>The streams of each recorded run: its flow, itself and its steps.</summary>
    public IReadOnlyList<IReadOnlyList<StreamId>> Journals { get; }

    public static async Task<JournalScene> MakeAsync()
    {
        var directory = Directory.CreateTempSubdirectory("fanfare-fuzz-journal-").FullName;
        var store = await SqliteStore.OpenAsync(directory, TimeProvider.System);
        var journals = new List<IReadOnlyList<StreamId>>();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Corpus.Root, "tests", "Replay", "Fixtures"), "journal.jsonl", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var streams = new Dictionary<StreamId, (long Epoch, List<JournalEvent> Events)>();
            foreach (var line in File.ReadLines(file))
            {
                using var document = JsonDocument.Parse(line);
                var root = document.RootElement;
                if (!StreamId.TryParse(root.GetProperty("stream").GetString()!, out var stream)) throw new FormatException(line);
                if (!streams.TryGetValue(stream, out var found)) streams[stream] = found = ((await store.Journal.OpenAsync(stream, default)).Epoch, []);
                found.Events.Add(new JournalEvent(root.GetProperty("sequence").GetInt64(), root.GetProperty("at").GetDateTimeOffset(), root.GetProperty("actor").GetString()!,
                    root.GetProperty("event").Deserialize(ContractsJson.Default.Event)!));
            }
            foreach (var (stream, (epoch, events)) in streams)
            {
                // One that was carried on begins with the event that says so; here it is the stream's first.
                var append = new Append { Stream = stream, ExpectedSequence = 0, Epoch = epoch, Events = [.. events.Select((entry, i) => entry with { Sequence = i + 1 })], Rows = [], Wake = null };
                if (await store.Journal.AppendAsync(append) != AppendOutcome.Committed) throw new InvalidOperationException($"{stream} could not be written.");
            }
            journals.Add([.. streams.Keys]);
        }
        return new JournalScene(directory, store, journals);
    }

    /// <summary>The graph and the parameters of a recorded run, as they were before any damage.</summary>
    public RunContext ContextOf(StreamId run)
    {
        var started = EventsOf(run).OfType<RunStarted>().First();
        var deployed = EventsOf(StreamId.Flow(run.Namespace, started.Flow)).OfType<FlowDeployed>().First(d => d.Version == started.Deployment);
        return new RunContext(FlowGraph.Compile(FlowSpecJson.Read(deployed.Spec), out _)!, started.Deployment, started.Parameters, deployed.Package);
    }

    public async ValueTask DisposeAsync()
    {
        Raw.Dispose();
        await Store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private IEnumerable<Event> EventsOf(StreamId stream) => Events.Where(e => e.Stream == stream.ToString()).Select(e => JsonSerializer.Deserialize(e.Payload, ContractsJson.Default.Event)!);
}
