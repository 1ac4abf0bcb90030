namespace Fanfare.Core;

/// <summary>What came in proves that the stream has gone on without this activation: another node wrote to it since. The state is to be loaded
/// anew; nothing is broken.</summary>
public sealed class StaleStateException : Exception
{
    public StaleStateException()
    {
    }

    public StaleStateException(string message)
        : base(message)
    {
    }

    public StaleStateException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
