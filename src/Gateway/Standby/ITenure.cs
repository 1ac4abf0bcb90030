namespace Fanfare.Gateway;

/// <summary>How long a server has what it answers from.</summary>
public interface ITenure
{
    /// <summary>Ends when another server takes over what this one owns, or when the database has not answered for so long that one may; what lasts (parked polls, streams) ends with it.</summary>
    CancellationToken Tenure { get; }
}
