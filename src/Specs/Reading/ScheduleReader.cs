using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>When a flow starts by itself.</summary>
internal static class ScheduleReader
{
    private static readonly Dictionary<string, CronDialect> Dialects = new() { ["unix"] = CronDialect.Unix, ["eventbridge"] = CronDialect.EventBridge, ["quartz"] = CronDialect.Quartz };

    private static readonly Dictionary<string, CronGap> Gaps = new() { ["after"] = CronGap.After, ["skip"] = CronGap.Skip };

    private static readonly Dictionary<string, CronRepeat> Repeats = new() { ["first"] = CronRepeat.First, ["second"] = CronRepeat.Second, ["both"] = CronRepeat.Both };

    // Two words of others mean what two of ours do.
    private static readonly Dictionary<string, OverlapPolicy> Overlaps = new()
    {
        ["allow"] = OverlapPolicy.Allow,
        ["skip"] = OverlapPolicy.Skip,
        ["queue_one"] = OverlapPolicy.QueueOne,
        ["queue_all"] = OverlapPolicy.QueueAll,
        ["cancel"] = OverlapPolicy.Cancel,
        ["terminate"] = OverlapPolicy.Terminate,
        ["first_only"] = OverlapPolicy.Skip,
        ["last_only"] = OverlapPolicy.Cancel,
    };

    private static readonly Dictionary<string, MissedKind> MissedKinds = new() { ["none"] = MissedKind.None, ["last"] = MissedKind.Last, ["all"] = MissedKind.All };

    public static IReadOnlyList<ScheduleSpec>? Read(Value value)
    {
        var entries = value.AsEntries("a mapping of names to schedules");
        return entries is null or { Count: 0 } ? null : [.. entries.Select(entry => Read(entry.Key, entry.Value)).OfType<ScheduleSpec>()];
    }

    /// <summary>Values of the flow's parameters; that they fit is checked against those.</summary>
    public static string Parameters(Value value)
    {
        if (value.AsEntries("a mapping of parameters to values") is null) return "{}";
        return JsonText.Of(value) ?? "{}";
    }

    private static ScheduleSpec? Read(string name, Value value)
    {
        if (Fields.Of(value, "a schedule", FieldNames.Schedule) is not { } fields) return null;
        var (missed, within) = Missed(fields["missed"]);
        var (dialect, cron, every) = Times(fields);
        var plain = new ScheduleSpec { Name = name };
        // What is to be made up for one by one has to wait somewhere.
        var overlap = missed is MissedKind.All or MissedKind.Within ? OverlapPolicy.QueueAll : plain.Overlap;
        return plain with
        {
            Cron = cron,
            Dialect = dialect,
            Every = every,
            TimeZone = fields["timezone"]?.AsWord("the name of a time zone, as Europe/Berlin") ?? plain.TimeZone,
            Gap = fields["gap"] is { } gap ? Word(gap, Gaps, plain.Gap) : plain.Gap,
            Repeat = fields["repeat"] is { } repeat ? Word(repeat, Repeats, CronRepeat.First) : null,
            Start = Time(fields["start"]),
            End = Time(fields["end"]),
            Jitter = fields["jitter"]?.AsDuration(TimeSpan.Zero) ?? plain.Jitter,
            Missed = missed,
            MissedWithin = within,
            Overlap = fields["overlap"] is { } given ? Word(given, Overlaps, overlap) : overlap,
            Parallel = fields["parallel"]?.AsInt(1, 10_000) ?? plain.Parallel,
            Queue = fields["queue"]?.AsInt(1, 10_000) ?? plain.Queue,
            Parameters = fields["parameters"] is { } parameters ? Parameters(parameters) : plain.Parameters,
            IntervalStart = fields["interval_start"]?.AsWord("the name of a parameter"),
            IntervalEnd = fields["interval_end"]?.AsWord("the name of a parameter"),
            Priority = fields["priority"]?.AsInt(-100, 100) ?? plain.Priority,
            Tags = fields["tags"] is { } tags ? FlowReader.ReadTags(tags) : plain.Tags,
        };
    }

    private static (CronDialect Dialect, string? Cron, TimeSpan? Every) Times(Fields fields)
    {
        CronDialect? dialect = fields["dialect"] is { } named ? Word(named, Dialects, CronDialect.Unix) : null;
        var every = fields["every"]?.AsDuration(TimeSpan.FromSeconds(1));
        if (fields["cron"] is not { } cron || cron.AsWord("a cron expression") is not { } text) return (dialect ?? CronDialect.Unix, null, every);
        if (CronExpression.Recognize(text, dialect, out var error) is { } recognized) return (recognized.Dialect, recognized.Cron, every ?? recognized.Every);
        cron.Complain(error!.Message, error.Remedy);
        // Complained of; a valid one in its place, so that nothing more is said of it.
        return (CronDialect.Unix, "0 0 * * *", every);
    }

    private static (MissedKind Kind, TimeSpan? Within) Missed(Value? value)
    {
        if (value is null) return (MissedKind.Last, null);
        if (value.Node is YamlScalar { IsNull: false } scalar && MissedKinds.TryGetValue(scalar.Text, out var kind)) return (kind, null);
        if (value.Node is YamlScalar { IsNull: false } given && Units.TryDuration(given.Text, out var within) && within > TimeSpan.Zero) return (MissedKind.Within, within);
        value.Wrong("none, last, all, or how long ago a time may be, like 6h", "Choose one of these.");
        return (MissedKind.Last, null);
    }

    private static DateTimeOffset? Time(Value? value)
    {
        const string rule = "a time like 2026-11-27T06:00:00Z or 2026-11-27T06:00:00+01:00";
        if (value?.AsWord(rule) is not { } text) return null;
        if (DateTimeOffset.TryParseExact(text, ["yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd'T'HH:mm:ss'Z'"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)) return time;
        value.Wrong(rule, "Give date, time and offset from UTC.");
        return null;
    }

    private static T Word<T>(Value value, Dictionary<string, T> words, T otherwise)
    {
        var rule = $"one of {string.Join(", ", words.Keys)}";
        if (value.AsText(rule) is not { } text) return otherwise;
        if (words.TryGetValue(text, out var word)) return word;
        value.Wrong(rule, NearestName.Of(text, words.Keys) is { } near ? $"Did you mean '{near}'?" : "Choose one of them.");
        return otherwise;
    }
}
