namespace Fanfare.Gateway;

/// <summary>Which of several servers leads. A server that does not sends its requests on to the one that does.</summary>
public interface ILeadership
{
    /// <summary>Whether this server leads, and answers by itself.</summary>
    bool IsLeader { get; }

    /// <summary>Where the server that leads is reached; null while nobody is known to, and when it is this one.</summary>
    Uri? Leader { get; }

    /// <summary>Returns when somebody leads, or after <paramref name="longest"/>.</summary>
    Task SettledAsync(TimeSpan longest, CancellationToken cancellationToken);
}
