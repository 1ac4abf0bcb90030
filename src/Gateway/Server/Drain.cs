namespace Fanfare.Gateway;

/// <summary>Tells what lasts (parked polls, event streams, followed logs) that the server is stopping.</summary>
internal sealed class Drain(IHostApplicationLifetime lifetime)
{
    public CancellationToken Token => lifetime.ApplicationStopping;

    /// <summary>Ends with the request, or when the server stops.</summary>
    public CancellationTokenSource Link(HttpContext http) => CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, Token);
}
