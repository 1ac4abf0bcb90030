using Fanfare.Contracts;

namespace Fanfare.Core;

public sealed partial class CronExpression
{
    private static readonly char[] Blanks = [' ', '\t', '\r', '\n'];

    private static SpecError? ErrorOf(CronFault? fault) => fault is null ? null : new SpecError(0, 0, "cron", fault.Message, fault.Remedy);

    private static CronExpression? Parse(string text, CronDialect dialect, out CronFault? fault)
    {
        var fields = FieldsOf(text);
        fault = text.Length > MostCharacters
            ? new CronFault($"The expression has {text.Length} characters; {MostCharacters} are the most.", "Shorten it with ranges and steps, or make several schedules of it.")
            : CountFault(text, fields.Length, dialect);
        if (fault is not null) return null;

        // With a second in front and a year behind, the dialects have the same fields.
        var seven = new[] { "0", "*", "*", "*", "*", "*", "*" };
        fields.CopyTo(seven, dialect == CronDialect.Quartz ? 0 : 1);
        var bits = new ulong[4];
        fault = ReadSet(CronField.Second, seven[0], dialect, out bits[0])
            ?? ReadSet(CronField.Minute, seven[1], dialect, out bits[1])
            ?? ReadSet(CronField.Hour, seven[2], dialect, out bits[2])
            ?? ReadSet(CronField.Month, seven[4], dialect, out bits[3]);
        if (fault is not null) return null;
        fault = CronDayReader.Read(seven[3], seven[5], dialect == CronDialect.Unix, out var days);
        if (fault is not null) return null;
        bool[]? years = null;
        if (seven[6] != "*")
        {
            years = CronField.Year.EmptySet();
            foreach (var element in seven[6].Split(',')) fault ??= CronField.Year.Read(element, years, mayTurn: false);
            if (fault is not null) return null;
        }

        var expression = new CronExpression(string.Join(' ', fields), dialect, bits, days, years);
        if (expression.NamesSomeDay()) return expression;
        fault = new CronFault($"'{expression.Text}' is never due: {(years is null ? "no year has" : "its years do not have")} such a day in its months.", "Look at its days and months, as in '30 FEB'; 'L' is a month's last day outside of Unix.");
        return null;
    }

    private static string[] FieldsOf(string text) => text.ToUpperInvariant().Split(Blanks, StringSplitOptions.RemoveEmptyEntries);

    private static CronFault? CountFault(string text, int count, CronDialect dialect)
    {
        var (least, most, fields) = dialect switch
        {
            CronDialect.Unix => (5, 5, "minute, hour, day of month, month, day of week"),
            CronDialect.EventBridge => (6, 6, "minute, hour, day of month, month, day of week, year"),
            _ => (6, 7, "second, minute, hour, day of month, month, day of week, and a year that may be left out"),
        };
        if (count >= least && count <= most) return null;
        var needed = least == most ? $"{least}" : $"{least} or {most}";
        return new CronFault(count == 0 ? "The expression is empty." : $"'{text.Trim()}' has {Fields(count)}; the {NameOf(dialect)} dialect has {needed}.", $"Write {fields}, with blanks between them.");
    }

    private static CronFault? ReadSet(CronField field, string text, CronDialect dialect, out ulong bits)
    {
        var set = field.EmptySet();
        CronFault? fault = null;
        foreach (var element in text.Split(',')) fault ??= field.Read(element, set, mayTurn: dialect != CronDialect.Unix);
        bits = CronField.Bits(set);
        return fault;
    }

    private static string Fields(int count) => count == 1 ? "1 field" : $"{count} fields";

    private static string NameOf(CronDialect dialect) => dialect switch
    {
        CronDialect.Unix => "Unix",
        CronDialect.EventBridge => "EventBridge",
        _ => "Quartz",
    };

    private bool NamesSomeDay()
    {
        var first = new DateOnly(_years is null ? 2000 : CronField.Year.Low, 1, 1);
        return Names(first) || NextDate(first) is not null;
    }
}
