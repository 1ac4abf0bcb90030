using System.Globalization;

namespace Fanfare.EndToEnd.Metrics;

/// <summary>What a server answered to a scrape, in Prometheus' text format.</summary>
internal sealed class MetricsPage(string text)
{
    private readonly Dictionary<string, double> _samples = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#')
        .ToDictionary(line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    public string Text => text;

    /// <summary>A series' value; the test fails where there is none.</summary>
    /// <param name="series">As in <c>name{label="value"}</c>.</param>
    public double this[string series] => _samples.TryGetValue(series, out var value) ? value : throw new KeyNotFoundException($"There is no {series} in:\n{text}");

    public double? Find(string series) => _samples.TryGetValue(series, out var value) ? value : null;

    public static async Task<MetricsPage> OfAsync(Api api) => new(await api.GetTextAsync("/metrics"));

    /// <summary>Waits for a page that is so.</summary>
    public static Task<MetricsPage> OfAsync(Api api, Func<MetricsPage, bool> isSo, string what) => Eventually.GetAsync(async () => await OfAsync(api) is var page && isSo(page) ? page : null, what);
}
