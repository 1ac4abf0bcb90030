using Fanfare.Contracts;
using FsCheck;
using FsCheck.Fluent;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>Whatever an author writes is either understood, and then well enough for a timetable, or refused with an error.</summary>
public sealed class RecognitionProperties
{
    private static readonly string[] Pieces =
        ["*", "?", "/", "-", ",", "#", "L", "W", "0", "1", "7", "12", "31", "59", "2026", "99999", "MON", "jan", "SUNDAY", "@", "@daily", "cron(", "rate(", ")", "minutes", " ", " ", " ", "\t", "é", "\0", "−", "💥"];

    private static readonly Gen<string> Noise = Gen.ListOf(Gen.Elements(Pieces)).Select(p => string.Concat(p));

    /// <summary>Valid ones with a piece put in, or a stretch replaced by it.</summary>
    private static readonly Gen<string> Damaged =
        from text in Gen.OneOf(CronGrowth.Unix, CronGrowth.EventBridge, CronGrowth.EventBridge.Select(t => $"cron({t})"), CronGrowth.Quartz)
        from at in Gen.Choose(0, text.Length)
        from length in Gen.Choose(0, Math.Min(3, text.Length - at))
        from piece in Gen.Elements(Pieces)
        select text.Remove(at, length).Insert(at, piece);

    [Fact]
    public void AnyText_IsUnderstoodOrRefused()
    {
        var cases = from text in Gen.Frequency((1, Noise), (3, Damaged)) from dialect in Gen.Elements<CronDialect?>(null, null, CronDialect.Unix, CronDialect.EventBridge, CronDialect.Quartz) select (text, dialect);
        var understood = 0;
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(4000), Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var recognized = CronExpression.Recognize(c.text, c.dialect, out var error);

            Assert.Equal(recognized is null, error is not null);
            if (recognized is null) return;
            understood++;
            Due.Compiled(new ScheduleSpec { Name = "s", Cron = recognized.Cron, Every = recognized.Every, Dialect = recognized.Dialect });
            if (recognized.Cron is { } cron) Assert.Equal(recognized, CronExpression.Recognize(cron, recognized.Dialect, out _));
        }));
        Assert.InRange(understood, 100, 3900);
    }
}
