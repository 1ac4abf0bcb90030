using System.Globalization;
using Fluid;
using Fluid.Values;

namespace Fanfare.Specs.Templates;

/// <summary>The filters that templates have: some of Liquid's, each of which is bounded in what it takes and gives, and <c>since</c>.</summary>
internal static class TemplateFilters
{
    /// <summary>Characters of a text that a filter gives.</summary>
    private const int MostChars = 65_536;

    /// <summary>Characters that the filters of one text may work on, all together; an item of a list, which may be sorted, counts for several.</summary>
    private const int MostWork = 8 * 1024 * 1024, ItemWork = 32;

    private const string Work = "work";

    private static readonly string[] Liquid =
    [
        "abs", "append", "at_least", "at_most", "capitalize", "ceil", "compact", "date", "default", "divided_by", "downcase", "escape", "first", "floor", "join", "json", "last", "lstrip", "map", "minus", "modulo",
        "plus", "prepend", "remove", "replace", "reverse", "round", "rstrip", "size", "slice", "sort", "split", "strip", "strip_newlines", "times", "truncate", "truncatewords", "uniq", "upcase", "url_encode", "where",
    ];

    public static IReadOnlyList<string> Names { get; } = [.. Liquid, "since"];

    /// <summary>Leaves these, and no others.</summary>
    public static void Put(FilterCollection filters)
    {
        var known = Liquid.ToDictionary(name => name, name => filters.TryGetValue(name, out var filter) ? filter : throw new InvalidOperationException($"The library has no filter '{name}'."));
        filters.Clear();
        foreach (var (name, filter) in known)
        {
            filters.AddFilter(name, async (input, arguments, context) =>
            {
                Count(context, input);
                for (var i = 0; i < arguments.Count; i++) Count(context, arguments.At(i));
                if (name is "replace") GuardReplace(input, arguments);
                if (name is "join") GuardJoin(input, arguments);
                var result = await filter(input, arguments, context).ConfigureAwait(false);
                if (result is StringValue && result.ToStringValue().Length > MostChars) throw TooLong();
                Count(context, result);
                return result;
            });
        }
        filters.AddFilter("since", (input, arguments, _) => new ValueTask<FluidValue>(Since(input, arguments)));
    }

    /// <summary>What one text may cost.</summary>
    public static void Grant(TemplateContext context) => context.AmbientValues[Work] = MostWork;

    private static void Count(TemplateContext context, FluidValue value)
    {
        var left = (int)context.AmbientValues[Work] - 1L - (value switch
        {
            StringValue text => text.ToStringValue().Length,
            ArrayValue list => (long)list.Values.Count * ItemWork,
            _ => 0,
        });
        context.AmbientValues[Work] = left >= 0 ? (int)left : throw new TemplateException("It takes too long.");
    }

    private static void GuardReplace(FluidValue input, FilterArguments arguments)
    {
        var (text, old, with) = (input.ToStringValue(), arguments.At(0).ToStringValue(), arguments.At(1).ToStringValue());
        if (old.Length > 0 && text.Length + (long)text.AsSpan().Count(old) * with.Length > MostChars) throw TooLong();
    }

    private static void GuardJoin(FluidValue input, FilterArguments arguments)
    {
        if (input is ArrayValue list && (long)list.Values.Count * arguments.At(0).ToStringValue().Length > MostChars) throw TooLong();
    }

    private static TemplateException TooLong() => new($"A text in it is longer than {MostChars} characters.");

    // From the time that is given to the one it is applied to, in its two largest units.
    private static FluidValue Since(FluidValue input, FilterArguments arguments)
    {
        if (Time(input) is not { } end || Time(arguments.At(0)) is not { } start) return NilValue.Instance;
        var span = end - start;
        var time = span.Duration();
        var text = time switch
        {
            { TotalSeconds: < 10 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"),
            { TotalMinutes: < 1 } => $"{time.Seconds} s",
            { TotalHours: < 1 } => $"{time.Minutes} min {time.Seconds} s",
            { TotalDays: < 1 } => $"{time.Hours} h {time.Minutes} min",
            _ => $"{time.Days} d {time.Hours} h",
        };
        return new StringValue(span < TimeSpan.Zero ? "-" + text : text);
    }

    private static DateTimeOffset? Time(FluidValue value) =>
        DateTimeOffset.TryParse(value.ToStringValue(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;
}
