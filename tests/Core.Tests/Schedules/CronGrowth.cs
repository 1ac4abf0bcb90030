using FsCheck;
using FsCheck.Fluent;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>Random expressions, most of which are valid, with every kind of element that a dialect has.</summary>
internal static class CronGrowth
{
    private static readonly string[] Months = ["JAN", "FEB", "mar", "Apr", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] Days = ["SUN", "mon", "TUE", "Wed", "THU", "FRI", "SAT"];

    public static readonly Gen<string> Unix =
        from minute in Field(0, 59, false)
        from hour in Field(0, 23, false)
        from date in Field(1, 31, false)
        from month in Gen.Frequency((3, Field(1, 12, false)), (1, Gen.Elements(Months)))
        from weekday in Gen.Frequency((3, Field(0, 6, false)), (2, Gen.Elements(Days)), (1, Gen.Elements("7", "5-7", "1-7/2", "MON-FRI", "0,7")))
        select $"{minute} {hour} {date} {month} {weekday}";

    /// <summary>The fields from minute to day of week, as EventBridge and Quartz have them.</summary>
    private static readonly Gen<string> Middle =
        from minute in Field(0, 59, true)
        from hour in Field(0, 23, true)
        from month in Gen.Frequency((3, Field(1, 12, true)), (1, Gen.Elements(Months)))
        from date in Gen.OneOf(Field(1, 31, true), SpecialDate())
        from weekday in Gen.OneOf(Field(1, 7, true), Gen.Elements(Days), SpecialWeekday())
        from byDate in Gen.Elements(true, false)
        select $"{minute} {hour} {(byDate ? date : "?")} {month} {(byDate ? "?" : weekday)}";

    public static readonly Gen<string> EventBridge = from middle in Middle from year in Year() select $"{middle} {year}";

    public static readonly Gen<string> Quartz =
        from second in Gen.Frequency((3, Gen.Constant("0")), (1, Field(0, 59, true)))
        from middle in Middle
        from year in Gen.Frequency((3, Gen.Constant("")), (1, Year().Select(y => " " + y)))
        select $"{second} {middle}{year}";

    private static Gen<string> Year() => Gen.Frequency((4, Gen.Constant("*")), (1, Gen.Elements("2020-2050", "2024/4", "2031", "2030,2045", "2028-2060/7")));

    private static Gen<string> SpecialDate() => Gen.OneOf(
        Gen.Constant("L"),
        Gen.Constant("LW"),
        Gen.Choose(1, 30).Select(n => $"L-{n}"),
        Gen.Choose(1, 20).Select(n => $"L-{n}W"),
        Gen.Choose(1, 31).Select(n => $"{n}W"));

    private static Gen<string> SpecialWeekday() => Gen.OneOf(
        Gen.Constant("L"),
        Gen.Choose(1, 7).Select(n => $"{n}L"),
        Gen.Elements(Days).Select(n => $"{n}L"),
        from day in Gen.Choose(1, 7) from week in Gen.Choose(1, 5) select $"{day}#{week}",
        from day in Gen.Elements(Days) from week in Gen.Choose(1, 5) select $"{day}#{week}",
        Gen.Elements("MON-FRI", "TUE,THU", "SUN-SAT", "WED-SAT"));

    /// <summary>A field of numbers.</summary>
    private static Gen<string> Field(int low, int high, bool mayTurn)
    {
        var value = Gen.Choose(low, high);
        var range = Gen.Two(value).Where(v => mayTurn || v.Item1 <= v.Item2).Select(v => $"{v.Item1}-{v.Item2}");
        var step = Gen.Choose(1, high - low);
        var element = Gen.OneOf(
            value.Select(v => $"{v}"),
            range,
            from r in range from s in step select $"{r}/{s}",
            from v in value from s in step select $"{v}/{s}");
        return Gen.Frequency(
            (3, Gen.Constant("*")),
            (3, value.Select(v => $"{v}")),
            (1, step.Select(s => $"*/{s}")),
            (1, element),
            (1, Gen.Choose(2, 3).SelectMany(n => Gen.ListOf(element, n)).Select(e => string.Join(',', e))));
    }
}
