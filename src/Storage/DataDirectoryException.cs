namespace Fanfare.Storage;

/// <summary>The data directory cannot be used as it is: held by another server, read-only, full, or damaged. The message says what to do.</summary>
public sealed class DataDirectoryException : Exception
{
    public DataDirectoryException()
    {
    }

    public DataDirectoryException(string message)
        : base(message)
    {
    }

    public DataDirectoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
