namespace Fanfare.Gateway;

/// <summary>Tells what lasts (parked polls, event streams, followed logs) that the server is stopping, or that it has nothing to answer from any more.</summary>
internal sealed class Drain(IHostApplicationLifetime lifetime, ITenure? tenure = null)
{
    public CancellationToken Token => lifetime.ApplicationStopping;

    /// <summary>Ends when another server has what this one answered from, or when this one cannot know whether it does.</summary>
    public CancellationToken Tenure => tenure?.Tenure ?? CancellationToken.None;

    /// <summary>Ends with the request, when the server stops, or when another takes over.</summary>
    public CancellationTokenSource Link(HttpContext http) => CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, Token, Tenure);
}
