using System.Globalization;
using System.Text;

namespace Fanfare.Bench.Report;

/// <summary>A result as Markdown.</summary>
internal static class Table
{
    public static string Of(Result result)
    {
        var text = new StringBuilder();
        var machine = result.Machine;
        Line(text, $"{result.At:yyyy-MM-dd HH:mm} UTC, {(result.Quick ? "quick sizes, " : "")}{machine.Cores} cores ({machine.Processor}), {machine.MemoryGib} GiB, {machine.System}, {machine.Runtime}, PostgreSQL {machine.Postgres} ({string.Join(", ", machine.Settings.Select(s => $"{s.Key} = {s.Value}"))}).");
        Line(text, $"Each figure is the median of its rounds, with the lowest and the highest.\n");
        Section(text, "The database alone", result.Bare);
        Section(text, "Fanfare on PostgreSQL", result.Postgres);
        Section(text, "Fanfare on SQLite", result.Sqlite);
        Peers(text, result);
        if (result.Ratios is not { } ratios) return text.ToString();
        Line(text, $"| ratio | |\n|---|---:|");
        foreach (var (name, value) in ratios) Line(text, $"| {name} | {(value is { } known ? known.ToString("0.00", CultureInfo.InvariantCulture) : "not measured")} |");
        return text.ToString();
    }

    private static void Section(StringBuilder text, string title, Measured measured)
    {
        Line(text, $"| {title} | median | lowest | highest | rounds |\n|---|---:|---:|---:|---:|");
        foreach (var (name, samples) in measured) Row(text, name, samples);
        Line(text, $"");
    }

    private static void Peers(StringBuilder text, Result result)
    {
        if (result.Peers is not { } peers) return;
        Line(text, $"| peers | median | lowest | highest | rounds |\n|---|---:|---:|---:|---:|");
        foreach (var peer in peers.Select(p => p!.AsObject()))
        {
            var name = (string)peer["peer"]!;
            if (peer["error"] is { } error) Line(text, $"| {name} failed: {((string)error!).ReplaceLineEndings(" ")} | | | | |");
            foreach (var (measurement, values) in peer)
                if (values is System.Text.Json.Nodes.JsonArray) Row(text, $"{name} {(string?)peer["version"]}: {measurement}", result.Peer(name, measurement));
        }
        Line(text, $"");
    }

    private static void Row(StringBuilder text, string name, Samples samples)
    {
        if (samples.Values.Count > 0) Line(text, $"| {name} | {Number(samples.Median)} | {Number(samples.Values.Min())} | {Number(samples.Values.Max())} | {samples.Values.Count} |");
    }

    public static string Number(double value) => value.ToString(Math.Abs(value) >= 100 ? "0" : Math.Abs(value) >= 1 ? "0.0" : "0.000", CultureInfo.InvariantCulture);

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
