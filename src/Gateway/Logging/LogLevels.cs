using System.Diagnostics.CodeAnalysis;

namespace Fanfare.Gateway;

/// <summary>From which level on lines of a category are written. A rule holds for its category and all below it (<c>Fanfare</c> for <c>Fanfare.Runs</c>); of several the longest counts. Rules can be changed while the server runs. Safe for use by several threads.</summary>
public sealed class LogLevels
{
    /// <summary>Rules that may be set beside those of the start.</summary>
    public const int MostRules = 100;

    /// <summary>Characters of a category.</summary>
    public const int CategoryChars = 200;

    private static readonly Dictionary<string, LogLevel> _defaults = new(StringComparer.Ordinal)
    {
        [""] = LogLevel.Warning,
        ["Fanfare"] = LogLevel.Information,
        // Orleans tells of every connection that breaks; what an operator has to know of it, the silo says itself.
        ["Orleans"] = LogLevel.Critical,
    };

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LogLevel> _atStart;
    private Dictionary<string, LogLevel> _rules;

    /// <summary>The defaults: <c>information</c> for what is Fanfare's own, <c>warning</c> for all else, <c>critical</c> for Orleans.</summary>
    public LogLevels()
        : this([])
    {
    }

    /// <param name="given">Rules beside the defaults, or in their place.</param>
    public LogLevels(IEnumerable<KeyValuePair<string, LogLevel>> given)
    {
        _atStart = new Dictionary<string, LogLevel>(_defaults, StringComparer.Ordinal);
        foreach (var (category, level) in given) _atStart[category] = level;
        _rules = _atStart;
    }

    /// <summary>Raised after a change, with a line that says what it was.</summary>
    internal event Action<string>? Changed;

    /// <summary>All that hold now, by category; the one of the empty category is for all others. A new list after each change.</summary>
    internal IReadOnlyDictionary<string, LogLevel> Rules => Volatile.Read(ref _rules);

    /// <summary>Reads <c>debug</c>, or <c>information,Fanfare.Runs=debug</c>: a level alone is for all that is Fanfare's own.</summary>
    /// <param name="error">What is wrong with it, the rule and the remedy.</param>
    public static bool TryRead(string text, [NotNullWhen(true)] out IReadOnlyList<KeyValuePair<string, LogLevel>>? rules, [NotNullWhen(false)] out string? error)
    {
        var read = new List<KeyValuePair<string, LogLevel>>();
        (rules, error) = (null, null);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (category, level) = part.Split('=', 2, StringSplitOptions.TrimEntries) is [var named, var word] ? (named, word) : ("Fanfare", part);
            if (!Enum.TryParse<LogSeverity>(level, ignoreCase: true, out var severity) || !Enum.IsDefined(severity) || char.IsAsciiDigit(level[0])) error = $"'{level}' is no level. Give {Words}.";
            else if (WhyNot(category) is { } why) error = $"the category '{category}' {why}. Name one such as Fanfare.Runs.";
            if (error is not null) return false;
            read.Add(new(category, (LogLevel)severity));
        }
        rules = read;
        return true;
    }

    /// <summary>All levels, for people.</summary>
    internal static string Words => "trace, debug, information, warning, error, critical or none";

    /// <summary>Why a text is no category; null where it is one. The empty one is all.</summary>
    internal static string? WhyNot(string category) => category.Length > CategoryChars ? $"is longer than {CategoryChars} characters" : category.All(c => c is > ' ' and <= '~' and not '=' and not ',') ? null : "has a character that none has";

    /// <summary>Sets a rule, or takes it back.</summary>
    /// <param name="level">Null for what it was at the start.</param>
    /// <returns>False when there are too many.</returns>
    internal bool TrySet(string category, LogLevel? level, string actor)
    {
        lock (_lock)
        {
            var rules = new Dictionary<string, LogLevel>(_rules, StringComparer.Ordinal);
            var first = _atStart.TryGetValue(category, out var given) ? given : (LogLevel?)null;
            if ((level ?? first) is { } now) rules[category] = now;
            else rules.Remove(category);
            if (rules.Count > _atStart.Count + MostRules) return false;
            Volatile.Write(ref _rules, rules);
        }
        var what = category.Length == 0 ? "all other categories" : category;
        Changed?.Invoke(level is { } set ? $"The log level of {what} was set to {Word(set)} by {actor}." : $"The log level of {what} was set back to what it was at the start by {actor}.");
        return true;
    }

    internal static string Word(LogLevel level) => ((LogSeverity)level).ToString().ToLowerInvariant();

    /// <summary>From which level on lines of the category are written.</summary>
    internal static LogLevel Of(IReadOnlyDictionary<string, LogLevel> rules, string category)
    {
        for (var prefix = category; ; prefix = prefix.LastIndexOf('.') is > 0 and var dot ? prefix[..dot] : "")
        {
            if (rules.TryGetValue(prefix, out var level)) return level;
            if (prefix.Length == 0) return LogLevel.Information;
        }
    }
}
