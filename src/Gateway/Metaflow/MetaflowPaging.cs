using System.Globalization;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Pages as Metaflow's clients ask for them: <c>_limit</c> and <c>_cursor</c>, answered with <c>X-Limit</c> and, where more follows, <c>X-Next-Cursor</c>. Without either a listing is whole.</summary>
internal static class MetaflowPaging
{
    private const int DefaultLimit = 50, MostRows = 500;

    private const string Limit = "_limit", Cursor = "_cursor";

    public static bool IsAsked(HttpContext http) => http.Request.Query.ContainsKey(Limit) || http.Request.Query.ContainsKey(Cursor);

    /// <summary>What a cursor says, beside the time: the place's number, under this name, and its name, under that one; null where it has none.</summary>
    public sealed record Form(string? Number, string? Name);

    /// <summary>Answers a page.</summary>
    /// <param name="page">Up to so many rows after a place.</param>
    /// <param name="place">Where a row stands.</param>
    public static async Task WriteAsync<T>(HttpContext http, Form form, Func<MetaflowPlace?, int, Task<IReadOnlyList<T>>> page, Func<T, MetaflowPlace> place, Action<MetaflowJson, T> write)
    {
        var (after, limit) = (ReadCursor(http, form), ReadLimit(http));
        // One more tells that another page follows.
        var rows = await page(after, limit + 1);
        http.Response.Headers["X-Limit"] = limit.ToString(CultureInfo.InvariantCulture);
        if (rows.Count > limit) http.Response.Headers["X-Next-Cursor"] = WriteCursor(form, place(rows[limit - 1]));
        await MetaflowJson.WriteAsync(http, json => json.List(rows.Take(limit), row => write(json, row)));
    }

    private static int ReadLimit(HttpContext http)
    {
        var text = http.Request.Query[Limit].ToString();
        if (text.Length == 0) return DefaultLimit;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0 ? Math.Min(limit, MostRows)
            : throw ApiFault.Field(Limit, "is not a number of rows", $"Give a whole number from 1; more than {MostRows} are never answered at a time.");
    }

    private static MetaflowPlace? ReadCursor(HttpContext http, Form form)
    {
        var text = http.Request.Query[Cursor].ToString();
        if (text.Length == 0) return null;
        try
        {
            using var document = JsonDocument.Parse(Convert.FromBase64String(text));
            var cursor = document.RootElement;
            return new MetaflowPlace(
                cursor.GetProperty("ts_epoch").GetInt64(), form.Number is { } number ? cursor.GetProperty(number).GetInt64() : 0, form.Name is { } name ? Whole(cursor.GetProperty(name).GetString()) : "");
        }
        catch (Exception error) when (error is FormatException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw ApiFault.Field(Cursor, "is not a cursor of this listing", "Give the X-Next-Cursor of the page before, or leave it out.");
        }
    }

    private static string WriteCursor(Form form, MetaflowPlace place)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("ts_epoch", place.At);
            if (form.Number is { } number) json.WriteNumber(number, place.Number);
            if (form.Name is { } name) json.WriteString(name, place.Name);
            json.WriteEndObject();
        }
        return Convert.ToBase64String(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static string Whole(string? text) => text is null || text.Contains('\0', StringComparison.Ordinal) ? throw new FormatException() : text;
}
