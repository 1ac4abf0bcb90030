namespace Fanfare.Grains;

/// <summary>Something failed at another node while it answered; the message is that node's.</summary>
public sealed class NodeFailedException : Exception
{
    public NodeFailedException()
    {
    }

    public NodeFailedException(string message)
        : base(message)
    {
    }

    public NodeFailedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
