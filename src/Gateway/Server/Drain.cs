namespace Fanfare.Gateway;

/// <summary>Tells what lasts (parked polls, event streams, followed logs) that the server is stopping, or that it leads no more.</summary>
internal sealed class Drain(IHostApplicationLifetime lifetime, ILeadership? leadership = null)
{
    public CancellationToken Token => lifetime.ApplicationStopping;

    /// <summary>Ends when this server leads no more, or cannot know whether it does.</summary>
    public CancellationToken Lead => leadership?.Lead ?? CancellationToken.None;

    /// <summary>Ends with the request, when the server stops, or when another takes over.</summary>
    public CancellationTokenSource Link(HttpContext http) => CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, Token, Lead);
}
