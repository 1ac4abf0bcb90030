namespace Fanfare.Gateway;

/// <summary>Pages of listings.</summary>
internal static class Listing
{
    /// <summary>Asks for a page, and blames a cursor that the read model does not know on the caller.</summary>
    public static async Task<ListResponse<TView>> PageAsync<TRow, TView>(string? cursor, Func<Task<Page<TRow>>> query, Func<TRow, TView> view)
    {
        try
        {
            var page = await query();
            return new ListResponse<TView>([.. page.Items.Select(view)], page.Next);
        }
        catch (FormatException) when (cursor is not null)
        {
            throw ApiFault.Field(Q.Cursor.Name, "is not a cursor of this listing", "Pass next of the page before, with the same filter.");
        }
    }
}
