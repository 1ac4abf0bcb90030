namespace Fanfare.Postgres;

/// <summary>How a server is told to stop.</summary>
public enum StopMode
{
    /// <summary>Ends all sessions, rolls back what is open, writes a checkpoint.</summary>
    Fast,

    /// <summary>Ends at once; the next start recovers from the log.</summary>
    Immediate,
}
