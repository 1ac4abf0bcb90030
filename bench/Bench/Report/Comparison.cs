using System.Globalization;
using System.Text.Json;

namespace Fanfare.Bench.Report;

/// <summary>Two results side by side.</summary>
internal static class Comparison
{
    public static int Print(FileInfo before, FileInfo after)
    {
        var (old, now) = (Read(before), Read(after));
        if (old.Machine != now.Machine with { Settings = old.Machine.Settings }) Console.WriteLine("The machines differ; only the ratios can be compared.");
        Console.WriteLine($"{"",-52}{"before",12}{"after",12}{"change",10}");
        foreach (var (title, first, second) in new[] { ("bare ", old.Bare, now.Bare), ("postgresql ", old.Postgres, now.Postgres), ("sqlite ", old.Sqlite, now.Sqlite) })
            foreach (var name in first.Keys.Intersect(second.Keys)) Line(title + name, first[name].Median, second[name].Median);
        foreach (var (name, value) in old.Ratios ?? new Dictionary<string, double?>())
            if (value is { } first && now.Ratios?.GetValueOrDefault(name) is { } second) Line("ratio " + name, first, second);
        return 0;
    }

    private static Result Read(FileInfo file) => JsonSerializer.Deserialize<Result>(File.ReadAllText(file.FullName), Json.Options) ?? throw new FormatException($"{file} holds no result.");

    private static void Line(string name, double before, double after) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{name,-52}{Table.Number(before),12}{Table.Number(after),12}{(before == 0 ? "" : $"{(after / before - 1) * 100:+0.0;-0.0}%"),10}"));
}
