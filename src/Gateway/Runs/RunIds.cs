using System.Security.Cryptography;

namespace Fanfare.Gateway;

/// <summary>Ids of runs, events and backfills that were made without an idempotency key: <c>r</c>, <c>e</c> or <c>b</c>, the time, then chance, so that they sort by time.</summary>
internal static class RunIds
{
    public const int MaxChars = 128;

    private const string Digits = "0123456789abcdefghjkmnpqrstvwxyz";

    public static string New(DateTimeOffset now) => New('r', now);

    public static string NewEvent(DateTimeOffset now) => New('e', now);

    public static string NewBackfill(DateTimeOffset now) => New('b', now);

    /// <summary>Whether one of them can have this id at all.</summary>
    public static bool IsPossible(string id)
    {
        if (id.Length is 0 or > MaxChars || id[0] == '.') return false;
        foreach (var c in id)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
        return true;
    }

    private static string New(char kind, DateTimeOffset now)
    {
        Span<char> id = stackalloc char[20];
        id[0] = kind;
        var time = now.ToUnixTimeMilliseconds();
        for (var i = 9; i >= 1; i--, time >>= 5) id[i] = Digits[(int)(time & 31)];
        Span<byte> chance = stackalloc byte[10];
        RandomNumberGenerator.Fill(chance);
        for (var i = 0; i < 10; i++) id[10 + i] = Digits[chance[i] & 31];
        return new string(id);
    }
}
