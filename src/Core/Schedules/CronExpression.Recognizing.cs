using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What somebody wrote as a cron expression: either an expression of a dialect, or an interval.</summary>
/// <param name="Cron">Fields in capitals with one space between them, valid in the dialect; null for an interval.</param>
/// <param name="Every">Null for an expression.</param>
public sealed record RecognizedCron(CronDialect Dialect, string? Cron, TimeSpan? Every);

public sealed partial class CronExpression
{
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.OrdinalIgnoreCase)
    {
        ["@hourly"] = "0 * * * *",
        ["@daily"] = "0 0 * * *",
        ["@midnight"] = "0 0 * * *",
        ["@weekly"] = "0 0 * * 0",
        ["@monthly"] = "0 0 1 * *",
        ["@yearly"] = "0 0 1 1 *",
        ["@annually"] = "0 0 1 1 *",
    };

    /// <summary>Tells the dialect of an expression and takes off what is not of it: aliases (<c>@daily</c>) and the wrappers of EventBridge
    /// (<c>cron(...)</c>, <c>rate(...)</c>). Without a dialect, 5 fields are Unix, 7 are Quartz, and 6 are told by where the <c>?</c> stands.</summary>
    /// <param name="dialect">As its author named it; null when they did not.</param>
    /// <param name="error">Its path is <c>cron</c>; null when there is none.</param>
    public static RecognizedCron? Recognize(string text, CronDialect? dialect, out SpecError? error)
    {
        var recognized = Recognize(text.Trim(), dialect, out CronFault? fault);
        error = ErrorOf(fault);
        return recognized;
    }

    private static RecognizedCron? Recognize(string text, CronDialect? dialect, out CronFault? fault)
    {
        if (text.StartsWith('@'))
        {
            fault = AliasFault(text, dialect);
            return fault is null ? new RecognizedCron(CronDialect.Unix, Aliases[text], null) : null;
        }
        if (Unwrap(text, "rate") is { } rate)
        {
            var every = TimeSpan.Zero;
            fault = WrapperFault("rate", dialect) ?? ReadRate(text, rate, out every);
            return fault is null ? new RecognizedCron(CronDialect.EventBridge, null, every) : null;
        }
        if (Unwrap(text, "at") is not null)
        {
            fault = new CronFault($"'{text}' is one point in time, not a schedule.", "Start a run at that time, or write the time as an expression with a year.");
            return null;
        }
        if (Unwrap(text, "cron") is { } inner)
        {
            fault = WrapperFault("cron", dialect);
            if (fault is not null) return null;
            (text, dialect) = (inner, CronDialect.EventBridge);
        }

        fault = null;
        dialect ??= DialectOf(text, out fault);
        if (fault is not null) return null;
        return Parse(text, dialect.GetValueOrDefault(), out fault) is { } expression ? new RecognizedCron(expression.Dialect, expression.Text, null) : null;
    }

    private static CronDialect? DialectOf(string text, out CronFault? fault)
    {
        fault = null;
        var fields = FieldsOf(text);
        switch (fields.Length)
        {
            case 5: return CronDialect.Unix;
            case 7: return CronDialect.Quartz;
            case 6:
                var eventBridge = fields[2] == "?" || fields[4] == "?";
                var quartz = fields[3] == "?" || fields[5] == "?";
                if (eventBridge != quartz) return eventBridge ? CronDialect.EventBridge : CronDialect.Quartz;
                fault = new CronFault($"'{text}' has 6 fields, which EventBridge's expressions (with a year) have and Quartz's (with seconds), and no '?' tells which it is.", "Set 'dialect' to eventbridge or quartz, and write '?' for the day that does not matter.");
                return null;
            default:
                fault = new CronFault(fields.Length == 0 ? "The expression is empty." : $"'{text}' has {Fields(fields.Length)}; an expression has 5 (Unix), 6 (EventBridge, Quartz) or 7 (Quartz).",
                    "Write minute, hour, day of month, month and day of week, as in '30 6 * * MON-FRI'.");
                return null;
        }
    }

    private static CronFault? AliasFault(string text, CronDialect? dialect)
    {
        if (dialect is CronDialect.EventBridge or CronDialect.Quartz)
            return new CronFault($"'{text}' is an alias of the Unix dialect, and the dialect is set to {NameOf(dialect.Value)}.", "Leave the dialect out, or write the fields.");
        if (Aliases.ContainsKey(text)) return null;
        if (text.StartsWith("@every", StringComparison.OrdinalIgnoreCase))
            return new CronFault($"'{text}' is an interval.", "Write it as 'every' instead of 'cron'.");
        if (text.Equals("@reboot", StringComparison.OrdinalIgnoreCase))
            return new CronFault("'@reboot' names no time, and servers are many here.", "Write a time, or start the run by the API.");
        return new CronFault($"There is no alias '{text}'.", NearestName.Of(text, Aliases.Keys) is { } near ? $"Did you mean {near}?" : $"Write one of {string.Join(", ", Aliases.Keys)}, or the fields.");
    }

    private static CronFault? WrapperFault(string wrapper, CronDialect? dialect) => dialect is CronDialect.Unix or CronDialect.Quartz
        ? new CronFault($"'{wrapper}(...)' is of the EventBridge dialect, and the dialect is set to {NameOf(dialect.Value)}.", "Leave the dialect out, or the wrapper.")
        : null;

    private static CronFault? ReadRate(string text, string inner, out TimeSpan every)
    {
        every = TimeSpan.Zero;
        var parts = inner.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
        var unit = parts.Length == 2 ? parts[1].ToUpperInvariant().TrimEnd('S') : "";
        if (parts.Length != 2 || !CronField.IsNumber(parts[0], out var count) || count < 1 || unit is not ("MINUTE" or "HOUR" or "DAY"))
            return new CronFault($"'{text}' cannot be read.", "Write a number from 1 to 9999 and minutes, hours or days, as in 'rate(5 minutes)'.");
        every = unit switch
        {
            "MINUTE" => TimeSpan.FromMinutes(count),
            "HOUR" => TimeSpan.FromHours(count),
            _ => TimeSpan.FromDays(count),
        };
        return null;
    }

    /// <summary>What stands in the parentheses; null without this wrapper.</summary>
    private static string? Unwrap(string text, string wrapper) =>
        text.StartsWith(wrapper + "(", StringComparison.OrdinalIgnoreCase) && text.EndsWith(')') ? text[(wrapper.Length + 1)..^1] : null;
}
