using System.Globalization;
using System.Net;
using System.Text;

namespace Fanfare.Bench.Report;

/// <summary>Bars of medians with a line from the lowest to the highest round, as SVG.</summary>
internal static class Plot
{
    private const int Width = 760, Left = 250, Right = 90, BarHeight = 22, Gap = 12, Top = 54;

    public static string Throughput(Result result) => Bars("No-op tasks ended per second (more is better)",
    [
        ("Fanfare, foreach, PostgreSQL", result.Postgres.Of("foreach_tasks_per_s"), true),
        ("Fanfare, body of three, PostgreSQL", result.Postgres.Of("body3_tasks_per_s"), true),
        ("Fanfare, over HTTP, PostgreSQL", result.Postgres.Of("http_8_workers_tasks_per_s"), true),
        ("Fanfare, foreach, SQLite", result.Sqlite.Of("foreach_tasks_per_s"), true),
        ("Graphile Worker, jobs", result.Peer("graphile-worker", "jobs_per_s"), false),
        ("pg-boss, jobs", result.Peer("pg-boss", "jobs_per_s"), false),
        ("DBOS, workflows", result.Peer("dbos", "workflows_per_s"), false),
        ("Restate, invocations", result.Peer("restate", "invocations_per_s"), false),
        ("single-row commits (P1)", result.Bare.Of("p1_commits_per_s"), false),
    ]);

    public static string Chain(Result result) => Bars("Milliseconds per step of a chain of 40 (less is better)",
    [
        ("Fanfare, PostgreSQL", result.Postgres.Of("chain_ms_per_step"), true),
        ("Fanfare, SQLite", result.Sqlite.Of("chain_ms_per_step"), true),
        ("DBOS", result.Peer("dbos", "chain_ms_per_step"), false),
        ("Restate", result.Peer("restate", "chain_ms_per_step"), false),
        ("one flush (F)", result.Bare.Of("flush_ms"), false),
    ]);

    private static string Bars(string title, (string Name, Samples Samples, bool Ours)[] all)
    {
        var bars = all.Where(bar => bar.Samples.Values.Count > 0).ToArray();
        var scale = (Width - Left - Right) / bars.Max(bar => bar.Samples.Values.Max());
        var height = Top + (bars.Length * (BarHeight + Gap)) + 10;
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{height}\" viewBox=\"0 0 {Width} {height}\" font-family=\"sans-serif\" font-size=\"13\">");
        Add(svg, $"<rect width=\"{Width}\" height=\"{height}\" fill=\"#ffffff\"/><text x=\"16\" y=\"28\" font-size=\"16\" fill=\"#222222\">{WebUtility.HtmlEncode(title)}</text>");
        for (var i = 0; i < bars.Length; i++)
        {
            var (name, samples, ours) = bars[i];
            var (y, end) = (Top + (i * (BarHeight + Gap)), Left + (samples.Median * scale));
            var (low, high, middle) = (Left + (samples.Values.Min() * scale), Left + (samples.Values.Max() * scale), y + (BarHeight / 2.0));
            Add(svg, $"<text x=\"{Left - 10}\" y=\"{y + 16}\" text-anchor=\"end\" fill=\"#222222\">{WebUtility.HtmlEncode(name)}</text>");
            Add(svg, $"<rect x=\"{Left}\" y=\"{y}\" width=\"{end - Left:0.0}\" height=\"{BarHeight}\" fill=\"{(ours ? "#1f6feb" : "#9aa4b2")}\"/>");
            Add(svg, $"<path d=\"M{low:0.0} {middle:0.0}H{high:0.0}M{low:0.0} {middle - 4:0.0}v8M{high:0.0} {middle - 4:0.0}v8\" stroke=\"#222222\" fill=\"none\"/>");
            Add(svg, $"<text x=\"{Math.Max(end, high) + 8:0.0}\" y=\"{y + 16}\" fill=\"#222222\">{Table.Number(samples.Median)}</text>");
        }
        Add(svg, $"</svg>");
        return svg.ToString();
    }

    private static void Add(StringBuilder svg, FormattableString element) => svg.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
