using System.Diagnostics.Metrics;
using Fanfare.Core;
using Fanfare.Engine;
using Fanfare.Storage;
using Fanfare.Storage.Common;

namespace Fanfare.Gateway.Tests.Metrics;

/// <summary>docs/telemetry.md has every instrument, as it is in the code, and no other.</summary>
public sealed class InstrumentTableTests
{
    private const string Head = "| instrument | in Prometheus | kind | unit | attributes | what it says |";

    private static readonly StreamId _run = StreamId.Run("default", "r"), _step = StreamId.Step("default", "r", World.Key("start"));

    [Fact]
    public async Task TheTable_IsWhatTheCodeHas()
    {
        using var listened = new Listened();
        await MeasureAllAsync(listened);
        var path = Repository.Path("docs/telemetry.md");
        var page = (await File.ReadAllTextAsync(path)).Split('\n').ToList();
        var first = page.IndexOf(Head) + 2;
        var last = page.FindIndex(first, line => !line.StartsWith('|'));
        Assert.True(first > 1 && last > first, $"docs/telemetry.md has no table that begins with {Head}");
        List<string> rows = [.. listened.Instruments.Values.OrderBy(instrument => instrument.Name, StringComparer.Ordinal).Select(instrument => RowOf(instrument, listened))];
        if (Environment.GetEnvironmentVariable("FANFARE_UPDATE_DOCS") == "1") await File.WriteAllTextAsync(path, string.Join('\n', [.. page.Take(first), .. rows, .. page.Skip(last)]));

        Assert.True(rows.SequenceEqual(page[first..last]),
            "The table in docs/telemetry.md is not what the code has. Run the tests with FANFARE_UPDATE_DOCS=1 and look at the difference. It lacks:\n"
            + $"{string.Join('\n', rows.Except(page[first..last]))}\nand should not have:\n{string.Join('\n', page[first..last].Except(rows))}");
    }

    [Fact]
    public async Task EveryInstrument_IsNamedByTheConventions_AndHasFewSeries()
    {
        using var listened = new Listened();
        await MeasureAllAsync(listened);

        Assert.All(listened.Instruments.Values, instrument =>
        {
            Assert.Matches("^fanfare(\\.[a-z_]+)+$", instrument.Name);
            Assert.Matches("^(s|By|\\{[a-z]+\\})$", instrument.Unit);
            Assert.EndsWith(".", instrument.Description, StringComparison.Ordinal);
        });
        Assert.All(listened.Values, values =>
        {
            Assert.Matches("^fanfare\\.[a-z_]+$", values.Key.Attribute);
            Assert.True(values.Key.Attribute is Telemetry.Queue or Telemetry.Flow || values.Value.Count <= 10, $"{values.Key} has {values.Value.Count} values.");
        });
    }

    // Whatever can be measured is, with every attribute that it can have.
    private static async Task MeasureAllAsync(Listened listened)
    {
        await using var server = await Server.StartAsync();
        // It has its gauges when it is asked, or before.
        await server.Client.GetStringAsync("/metrics");
        EngineInstruments.Begin();
        StorageInstruments.Begin();
        TraceExport.BeginCounts();
        ServerLog.BeginCounts();
        EngineInstruments.Count(RunOf(), [Entry(1, new RunStarted("f", 1, "{}", [], 0, null)), Entry(2, new RunEnded(RunStatus.Succeeded, null)), Entry(3, new RunEnded(RunStatus.Failed, null)), Entry(4, new RunEnded(RunStatus.Cancelled, null))]);
        EngineInstruments.Count(RunOf(), [Entry(1, new RunStarted("f", 1, "{}", [], 0, null, new RunCause("s", default)))]);
        var error = new TaskError("exit", "It failed.");
        EngineInstruments.Count(RunOf(), [
            Entry(1, new TaskSucceeded(0, 0, At, At, null)), Entry(2, new TaskSucceeded(0, 0, At, At, null, Caught: error)), Entry(3, new TaskFailed(0, 0, At, At, error, null)),
            Entry(4, new TaskCancelled(0, 0)), Entry(5, new TaskSkipped(0, null)), Entry(6, new TaskLost(0, 0, LossCauses.GangRestarted, null))]);
        EngineInstruments.Waited(TimeSpan.FromSeconds(1), 1);
        StorageInstruments.Committed([PendingWrite.Acknowledge(_step, 1, null)], TimeSpan.FromSeconds(1));
        using var gauges = new EngineGauges();
        gauges.Take([new EntityInMemory(StreamKind.Step, OfferOf("default"), null)], new WorkerCounts(1, 1, 1, 1, 1), [("f", 3)], shards: 1, TimeSpan.Zero);
        gauges.TakeOpen(new OpenCounts(1, 1, Enum.GetValues<RunStatus>().Where(status => !status.IsTerminal()).ToDictionary(status => status, _ => 1)));
        listened.Look();
    }

    private static RunEntity RunOf() => new(_run, new RunContext(FlowGraph.Compile(new FlowSpec { Name = "f", Steps = [new StepSpec { Name = "start", Run = new CommandSpec(["true"], null) }] }, out _)!, 1, "{}", null));

    private static Offer OfferOf(string queue) => new(_step, queue, 0, new ResourceSpec(1, 0, 0, 0), Ready: 2, Running: 1);

    private static DateTimeOffset At => DateTimeOffset.UnixEpoch;

    private static JournalEvent Entry(long sequence, Event e) => new(sequence, At, "system", e);

    private static string RowOf(Instrument instrument, Listened listened)
    {
        var kind = instrument.GetType().Name.Split('`')[0] switch
        {
            "Counter" => "counter",
            "Histogram" => "histogram",
            "ObservableGauge" => "gauge",
            var other => throw new InvalidOperationException($"{instrument.Name} is of kind {other}, which the table has no word for."),
        };
        var name = PrometheusName.Of(instrument.Name, instrument.Unit, kind == "counter", kind == "gauge").Family;
        var attributes = listened.Values.Where(values => values.Key.Instrument == instrument.Name).OrderBy(values => values.Key.Attribute, StringComparer.Ordinal)
            .Select(values => $"`{values.Key.Attribute}`: " + (values.Key.Attribute switch
            {
                Telemetry.Queue => $"a queue's name, or `{EngineGauges.OtherQueues}`",
                Telemetry.Flow => $"a flow's name, or `{FailingFlows.OtherFlows}`",
                _ => string.Join(", ", values.Value.Keys.Order(StringComparer.Ordinal).Select(value => $"`{value}`")),
            }));
        return $"| `{instrument.Name}` | `{name}{(kind == "counter" ? "_total" : "")}` | {kind} | `{instrument.Unit}` | {string.Join("; ", attributes)} | {instrument.Description} |";
    }
}
