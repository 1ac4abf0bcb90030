namespace Fanfare.Storage.Postgres;

/// <summary>The database does not answer, or refuses to. What was asked of it may be asked again; the message says what is wrong and what to do.</summary>
public sealed class StoreUnavailableException : Exception
{
    public StoreUnavailableException()
    {
    }

    public StoreUnavailableException(string message)
        : base(message)
    {
    }

    public StoreUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
