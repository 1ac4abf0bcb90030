namespace Fanfare.Gateway;

/// <summary>Which of several servers leads. A server that does not sends its requests on to the one that does.</summary>
public interface ILeadership : ITenure
{
    /// <summary>Whether this server leads, and answers by itself.</summary>
    bool IsLeader { get; }

    /// <summary>Where the server that leads is reached; null while nobody is known to, and when it is this one.</summary>
    Uri? Leader { get; }

    /// <summary>Where the others reach this server; null until it listens.</summary>
    Uri? Own { get; }

    /// <summary>Has another server lead in place of this one; returns the other's address when it does.</summary>
    /// <exception cref="RefusedException">No other server waits to lead, or none took over.</exception>
    Task<Uri> HandOverAsync(CancellationToken cancellationToken);

    /// <summary>Returns when somebody leads, or after <paramref name="longest"/>.</summary>
    Task SettledAsync(TimeSpan longest, CancellationToken cancellationToken);
}
