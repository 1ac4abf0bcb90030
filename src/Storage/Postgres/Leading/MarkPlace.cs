using Fanfare.Contracts;
using Fanfare.Storage.Common;

namespace Fanfare.Storage.Postgres.Leading;

/// <summary>Where servers note, outside of the database, how far the journal has come.</summary>
/// <param name="blobs">Null for nowhere.</param>
internal sealed class MarkPlace(IBlobStore? blobs, TimeProvider clock, Action<string> log)
{
    /// <summary>Longest that a server which takes the journal waits for the mark: the blob store may hang.</summary>
    private static readonly TimeSpan _longestLook = TimeSpan.FromSeconds(1);

    public async Task<JournalMark?> ReadAsync(CancellationToken cancellationToken)
    {
        if (blobs is null) return null;
        try
        {
            return await ReadAsync(blobs, cancellationToken).WaitAsync(_longestLook, clock, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or TimeoutException)
        {
            log($"The journal's mark {BlobNames.JournalMark} cannot be read: {error.Message.TrimEnd('.')}. This takeover goes on without it: that the database is an older copy of itself would not be noticed.");
            return null;
        }
    }

    /// <summary>Notes a mark now and then; null where there is no place for it.</summary>
    /// <param name="mark">The present one.</param>
    /// <param name="isOurs">Whether it is this server's to note.</param>
    public MarkKeeper? Keep(Func<JournalMark> mark, Func<bool> isOurs) =>
        blobs is null ? null : new MarkKeeper(mark, each => isOurs() ? NoteAsync(blobs, each) : Task.CompletedTask, clock, log);

    private static async Task<JournalMark?> ReadAsync(IBlobStore blobs, CancellationToken cancellationToken)
    {
        if (await blobs.OpenReadAsync(BlobNames.JournalMark, 0, cancellationToken).ConfigureAwait(false) is not { } content) return null;
        await using var closed = content.ConfigureAwait(false);
        return await JournalMark.ReadAsync(content, cancellationToken).ConfigureAwait(false);
    }

    private static async Task NoteAsync(IBlobStore blobs, JournalMark mark)
    {
        var content = new MemoryStream(mark.Write());
        await using var closed = content.ConfigureAwait(false);
        await blobs.PutAsync(BlobNames.JournalMark, content, CancellationToken.None).ConfigureAwait(false);
    }
}
