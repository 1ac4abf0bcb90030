namespace Fanfare.Storage.Blobs;

/// <summary>The store of the blobs does not answer, or refuses to. It says nothing about whether a blob is there; what was asked may be asked again. The message
/// says what is wrong and what to do. An <see cref="IOException"/>, as a disk that fails gives one.</summary>
public sealed class BlobStoreUnavailableException : IOException
{
    public BlobStoreUnavailableException()
    {
    }

    public BlobStoreUnavailableException(string message)
        : base(message)
    {
    }

    public BlobStoreUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
