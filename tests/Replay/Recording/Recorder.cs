using Fanfare.Contracts;
using SQLitePCL;

namespace Fanfare.Replay.Recording;

/// <summary>Plays scenarios and keeps their journals as fixtures. Not part of a test run: started by <c>FANFARE_RECORD=1</c>, it adds the
/// fixtures of scenarios that have none yet, and changes none.</summary>
public sealed class Recorder
{
    public static TheoryData<string> Scenarios() => [.. Recording.Scenarios.All.Keys];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task RecordWhatIsNotThereYet(string scenario)
    {
        if (Environment.GetEnvironmentVariable("FANFARE_RECORD") != "1" || Fixture.Exists(scenario))
        {
            Assert.True(Fixture.Exists(scenario), $"Scenario '{scenario}' has no fixture. Record it: FANFARE_RECORD=1 dotnet test tests/Replay");
            return;
        }
        var (script, play) = Recording.Scenarios.All[scenario];
        await using var stage = await Stage.OpenAsync(script);
        await play(stage);
        var rows = await stage.CloseAsync();
        var events = ReadJournal(stage.Directory);
        var states = ReplayedStream.StatesOf(events);

        // A state that is not what the live run came to is not one to be kept.
        foreach (var state in states)
        {
            Assert.True(StreamId.TryParse((string)state!["stream"]!, out var stream));
            Assert.Equal(ReplayedStream.RowOf(rows.GetValueOrDefault(stream))?.ToJsonString(), state["row"]?.ToJsonString());
        }
        new Fixture($"{events.Max(e => e.Version)}-{scenario}", events, states).Save();
    }

    // Read below the storage's own reader: the bytes as they stand in the file.
    internal static List<RecordedEvent> ReadJournal(string directory)
    {
        var events = new List<RecordedEvent>();
        Assert.Equal(raw.SQLITE_OK, raw.sqlite3_open_v2(Path.Combine(directory, "journal.db"), out var database, raw.SQLITE_OPEN_READWRITE, null));
        using (database)
        {
            const string Query = "SELECT s.name, e.version, e.seq, e.at_us, e.actor, e.payload FROM events e JOIN streams s ON s.id = e.stream_id ORDER BY e.position";
            Assert.Equal(raw.SQLITE_OK, raw.sqlite3_prepare_v2(database, Query, out var statement));
            using (statement)
            {
                while (raw.sqlite3_step(statement) == raw.SQLITE_ROW)
                {
                    Assert.True(StreamId.TryParse(raw.sqlite3_column_text(statement, 0).utf8_to_string(), out var stream));
                    events.Add(new RecordedEvent(stream, raw.sqlite3_column_int(statement, 1), raw.sqlite3_column_int64(statement, 2),
                        DateTimeOffset.UnixEpoch.AddTicks(raw.sqlite3_column_int64(statement, 3) * TimeSpan.TicksPerMicrosecond),
                        raw.sqlite3_column_text(statement, 4).utf8_to_string(), System.Text.Encoding.UTF8.GetString(raw.sqlite3_column_blob(statement, 5))));
                }
            }
        }
        return events;
    }
}
