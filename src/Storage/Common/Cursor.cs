using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Where a page ended: the listing it belongs to, and the key of its last row. Opaque to callers.</summary>
internal static class Cursor
{
    public static string Of(string listing, params long[] key) => Encode(listing + ":" + string.Join(':', key.Select(k => k.ToString(CultureInfo.InvariantCulture))));

    public static string OfName(string listing, string key) => Encode(listing + ":" + key);

    /// <summary>The key; null at the start of a listing.</summary>
    /// <exception cref="FormatException">The cursor is of another listing, or none.</exception>
    public static long[]? Key(string? cursor, string listing, int parts)
    {
        if (cursor is null) return null;
        var texts = Decode(cursor, listing).Split(':');
        var key = new long[parts];
        if (texts.Length != parts) throw Unknown(listing);
        for (var i = 0; i < parts; i++)
            if (!long.TryParse(texts[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out key[i])) throw Unknown(listing);
        return key;
    }

    public static string? Name(string? cursor, string listing) => cursor is null ? null : Decode(cursor, listing);

    public static string OfSchedule(string flow, string schedule) => OfName("schedules", $"{flow}/{schedule}");

    /// <summary>Flow and name of the schedule at which the page before ended; empty at the start.</summary>
    /// <exception cref="FormatException">The cursor is of another listing, or none.</exception>
    public static (string Flow, string Schedule) ScheduleName(string? cursor) =>
        (Name(cursor, "schedules") ?? "/").Split('/') is [var flow, var schedule] ? (flow, schedule) : throw Unknown("schedules");

    public static string OfTrigger(string flow, string trigger) => OfName("triggers", $"{flow}/{trigger}");

    /// <summary>As of a schedule.</summary>
    /// <exception cref="FormatException">The cursor is of another listing, or none.</exception>
    public static (string Flow, string Trigger) TriggerName(string? cursor) =>
        (Name(cursor, "triggers") ?? "/").Split('/') is [var flow, var trigger] ? (flow, trigger) : throw Unknown("triggers");

    public static string OfPool(string pool) => OfName("pools", pool);

    /// <summary>The pool at which the page before ended; empty at the start.</summary>
    /// <exception cref="FormatException">The cursor is of another listing, or none.</exception>
    public static string PoolName(string? cursor) => Name(cursor, "pools") ?? "";

    public static string OfDeadLetter(DeadLetterRow row) => OfName("dead letters", $"{Instant.ToMicroseconds(row.At).ToString(CultureInfo.InvariantCulture)}/{row.Event}/{row.Flow}/{row.Trigger}");

    /// <summary>Age, event, flow and trigger of the dead letter at which the page before ended; before all at the start.</summary>
    /// <exception cref="FormatException">The cursor is of another listing, or none.</exception>
    public static (long At, string Event, string Flow, string Trigger) DeadLetter(string? cursor) =>
        (Name(cursor, "dead letters") ?? $"{long.MinValue}///").Split('/') is [var at, var id, var flow, var trigger] && long.TryParse(at, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var time)
            ? (time, id, flow, trigger) : throw Unknown("dead letters");

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static string Decode(string cursor, string listing)
    {
        string text;
        try
        {
            text = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor));
        }
        catch (FormatException)
        {
            throw Unknown(listing);
        }
        return text.StartsWith(listing + ":", StringComparison.Ordinal) ? text[(listing.Length + 1)..] : throw Unknown(listing);
    }

    private static FormatException Unknown(string listing) => new($"This is no cursor of a listing of {listing}: pass the 'next' of the page before, unchanged, or none to start over.");
}
